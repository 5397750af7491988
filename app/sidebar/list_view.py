"""The list of conversations as it looks: headings, titles, and their editor."""

from PySide6.QtCore import QModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app import theme
from app.sidebar.model import IS_HEADING, ConversationModel, Index
from app.texts import show_text

_HEADING_SCALE = 0.88


class ConversationList(QListView):
    """A right click asks for a menu and opens nothing; so does the menu key."""

    menu_requested = Signal(QModelIndex, QPoint)
    """Of the row at an index, at a place of the screen."""

    def __init__(self, model: ConversationModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setItemDelegate(_Delegate(self))
        show_text(self.setAccessibleName, "List of conversations")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setUniformItemSizes(True)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setMouseTracking(True)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.RightButton:
            super().mousePressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        index = self.currentIndex() if by_key else self.indexAt(event.pos())
        if index.isValid() and not index.data(IS_HEADING):
            place = self.visualRect(index).bottomLeft() if by_key else event.pos()
            self.menu_requested.emit(index, self.viewport().mapToGlobal(place))


class _Delegate(QStyledItemDelegate):
    """Draws headings; lets the editor of a title cover its whole row."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        if index.data(IS_HEADING):
            draw_heading(painter, option.rect, option.font.pointSizeF(), str(index.data()))
        else:
            super().paint(painter, option, index)

    def sizeHint(self, option: QStyleOptionViewItem, _index: Index) -> QSize:
        # The same for all rows: a list of thousands is laid out at once.
        return QSize(0, option.fontMetrics.height() + 2 * theme.SPACE)

    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, _index: Index
    ) -> None:
        editor.setGeometry(option.rect)


def draw_heading(painter: QPainter, rect: QRect, points: float, text: str) -> None:
    """Draw small, muted text at the bottom of `rect`."""
    painter.save()
    font = painter.font()
    font.setPointSizeF(points * _HEADING_SCALE)
    font.setWeight(font.Weight.DemiBold)
    painter.setFont(font)
    painter.setPen(QColor(theme.colors().muted))
    place = rect.adjusted(theme.SPACE + 2, 0, -theme.SPACE, -theme.SPACE // 2)
    line = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, place.width())
    painter.drawText(place, Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft, line)
    painter.restore()
