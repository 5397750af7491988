"""The palette itself: a line to type in, above the list of what fits."""

from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    Qt,
)
from PySide6.QtGui import QAccessible, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QFrame,
    QLabel,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.announcer import announce
from app.palette.entries import Entry, best
from engine.i18n import tr

_WIDTH: Final = 560
_HEIGHT: Final = 420
_LIST_KEYS: Final = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)
_REMARK: Final = Qt.ItemDataRole.UserRole
_Index = QModelIndex | QPersistentModelIndex


class CommandPalette(QDialog):
    """Typing narrows the list, arrows move in it, Enter does what is marked, Escape leaves.

    `entries` is asked at the first letter and the answer kept: reading ten thousand titles takes
    a moment. Before that the list shows `actions`.
    """

    def __init__(
        self, parent: QWidget, actions: Sequence[Entry], entries: Callable[[], Sequence[Entry]]
    ) -> None:
        super().__init__(parent, Qt.WindowType.FramelessWindowHint)
        self.setObjectName("commandPalette")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Command palette"))
        self._window = parent
        self._actions = actions
        self._ask = entries
        self._others: Sequence[Entry] | None = None
        self.edit = QLineEdit(placeholderText=tr("Type a command or the title of a conversation"))
        self.edit.setAccessibleName(tr("Command"))
        self.edit.textChanged.connect(self._narrow)
        self.edit.installEventFilter(self)
        self._model = _EntryModel(self)
        self.list = _make_list(self._model)
        self.list.clicked.connect(self._choose)
        self.list.selectionModel().currentChanged.connect(self._say)
        self._nothing = QLabel(tr("Nothing found."), alignment=Qt.AlignmentFlag.AlignHCenter)
        self._nothing.setProperty("muted", True)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[theme.SPACE] * 4)
        column.setSpacing(theme.SPACE)
        column.addWidget(self.edit)
        column.addWidget(self.list, 1)
        column.addWidget(self._nothing, 1)
        self.setFocusProxy(self.edit)
        self._narrow("")
        self._place(parent)

    def titles(self) -> list[str]:
        """Return the lines that are listed now."""
        return [entry.title for entry in self._model.entries]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.edit and isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.KeyPress and event.key() in _LIST_KEYS:
                QApplication.sendEvent(self.list, event)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                if event.type() == QEvent.Type.KeyPress:
                    self._choose(self.list.currentIndex())
                return True
        return super().eventFilter(watched, event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and not self.isActiveWindow():
            self.close()  # a click beside it leaves it

    def _narrow(self, query: str) -> None:
        if query.strip() and self._others is None:
            self._others = self._ask()
        found = best(query, [*self._actions, *(self._others or ())] if query else self._actions)
        self._model.show_entries(found)
        self.list.setVisible(bool(found))
        self._nothing.setVisible(not found)
        self.list.setCurrentIndex(self._model.index(0))

    def _say(self, index: QModelIndex) -> None:
        """The focus is elsewhere, so a screen reader must be told what is marked."""
        if index.isValid() and self.isVisible() and QAccessible.isActive():
            announce(self, str(index.data(Qt.ItemDataRole.AccessibleTextRole)))

    def _choose(self, index: QModelIndex) -> None:
        if index.isValid():
            entry = self._model.entries[index.row()]
            self.close()
            self._window.activateWindow()
            entry.run()

    def _place(self, parent: QWidget) -> None:
        width = min(_WIDTH, parent.width() - 6 * theme.SPACE)
        self.resize(width, min(_HEIGHT, parent.height() - 12 * theme.SPACE))
        self.move(parent.mapToGlobal(QPoint((parent.width() - width) // 2, 6 * theme.SPACE)))


class _EntryModel(QAbstractListModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.entries: list[Entry] = []

    def show_entries(self, entries: list[Entry]) -> None:
        self.beginResetModel()
        self.entries = entries
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else len(self.entries)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | None:
        entry = self.entries[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return entry.title
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{entry.title}, {entry.remark}"
        return entry.remark if role == _REMARK else None


class _EntryDelegate(QStyledItemDelegate):
    """Draws the remark at the right, in a quieter colour, and leaves the rest to the title."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        self.initStyleOption(option, index)
        remark = str(index.data(_REMARK))
        room = option.rect.adjusted(theme.SPACE + 4, 0, -theme.SPACE - 4, 0)
        wide = option.fontMetrics.horizontalAdvance(remark) + 2 * theme.SPACE
        title = option.fontMetrics.elidedText(
            option.text, Qt.TextElideMode.ElideRight, room.width() - wide
        )
        option.text = ""
        style = option.widget.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.save()
        painter.setFont(option.font)
        painter.setPen(theme.colors().text)
        painter.drawText(room, middle | Qt.AlignmentFlag.AlignLeft, title)
        painter.setPen(theme.colors().muted)
        painter.drawText(room, middle | Qt.AlignmentFlag.AlignRight, remark)
        painter.restore()


def _make_list(model: _EntryModel) -> QListView:
    view = QListView()
    view.setModel(model)
    view.setItemDelegate(_EntryDelegate(view))
    view.setAccessibleName(tr("Commands"))
    view.setFrameShape(QFrame.Shape.NoFrame)
    view.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the focus stays where a person types
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
    view.setUniformItemSizes(True)
    view.setMouseTracking(True)
    return view
