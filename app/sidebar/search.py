"""Search in all conversations: the field above the list, and what it found instead of the list."""

from PySide6.QtCore import QEvent, QModelIndex, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QLabel,
    QLineEdit,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.icons import icon
from app.sidebar.results import ResultList, ResultModel
from app.sidebar.searcher import Searcher
from app.texts import show_text
from engine.store import SearchHit, Store


class SearchPanel(QWidget):
    """`field` stands above `pages`, which show `otherwise` while the field is empty."""

    chosen = Signal(int, object, str)
    """A conversation, one of its messages or None, and what was searched for."""
    left = Signal()
    """The user is done with searching."""
    failed = Signal(object)

    def __init__(self, store: Store, otherwise: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = QLineEdit()
        self.field.setClearButtonEnabled(True)
        show_text(self.field.setPlaceholderText, "Search all conversations")
        show_text(self.field.setAccessibleName, "Search all conversations")
        self._icon = self.field.addAction(
            icon("search", theme.colors().muted), QLineEdit.ActionPosition.LeadingPosition
        )
        clear, picture = self.field.findChildren(QToolButton)
        show_text(clear.setAccessibleName, "Clear")
        show_text(picture.setAccessibleName, "Search")
        self.field.installEventFilter(self)
        self.field.textChanged.connect(self._ask)
        self.field.returnPressed.connect(self._choose_first)
        self.model = ResultModel(self)
        self.results = ResultList(self.model)
        self.results.clicked.connect(self._choose)
        self.results.activated.connect(self._choose)
        self.results.installEventFilter(self)
        self._nothing = QLabel(alignment=Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter)
        self._nothing.setProperty("muted", True)
        self._nothing.setContentsMargins(0, 3 * theme.SPACE, 0, 0)
        show_text(self._nothing.setText, "Nothing found.")
        self._otherwise = otherwise
        self.pages = QStackedWidget()
        for page in (otherwise, self.results, self._nothing):
            self.pages.addWidget(page)
        self._searcher = Searcher(store.path, self)
        self._searcher.found.connect(self._show)
        self._searcher.failed.connect(self.failed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE)
        column.addWidget(self.field)
        column.addWidget(self.pages, 1)

    def focus(self) -> None:
        """Let the user type what to look for."""
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()

    def end_search(self) -> None:
        """Show the list again."""
        self.field.clear()
        self.left.emit()

    def end(self) -> None:
        """End the thread that searches; the window closes."""
        self._searcher.close()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()  # it ends the search, not an answer
                return True
            if event.type() == QEvent.Type.KeyPress:
                self.end_search()
                return True
        if (
            watched is self.field
            and isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() == Qt.Key.Key_Down
            and self.pages.currentWidget() is self.results
        ):
            self.results.setFocus()
            self.results.setCurrentIndex(self._first())
            return True
        return super().eventFilter(watched, event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._icon.setIcon(icon("search", theme.colors().muted))

    def _ask(self, text: str) -> None:
        if text.strip():
            self._searcher.ask(text)
        else:
            self.pages.setCurrentWidget(self._otherwise)

    def _show(self, query: str, hits: list[SearchHit]) -> None:
        if query == self.field.text():  # otherwise a newer search is on its way
            self.model.show(hits)
            self.pages.setCurrentWidget(self.results if hits else self._nothing)

    def _choose_first(self) -> None:
        """Choose the newest message, or the conversation where only titles were found."""
        if self.pages.currentWidget() is not self.results:
            return
        self.results.setCurrentIndex(self._first())
        self._choose(self._first())

    def _first(self) -> QModelIndex:
        """The first message found, or the first title where only those were found."""
        rows = range(self.model.rowCount())
        first = next((n for n in rows if self.model.rows[n].message_id is not None), 0)
        return self.model.index(first)

    def _choose(self, index: QModelIndex) -> None:
        row = self.model.rows[index.row()]
        if row.conversation_id is not None:
            self.chosen.emit(row.conversation_id, row.message_id, self.field.text())
