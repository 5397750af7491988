"""The bar that finds words in the open conversation."""

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QWidget

from app import theme
from app.finder import Finder
from app.icons import IconButton
from app.texts import show_text


class FindBar(QWidget):
    """Hidden until `open_with` is called. Enter goes on, Shift+Enter back, Escape closes."""

    closed = Signal()

    def __init__(self, finder: Finder, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._finder = finder
        self.field = QLineEdit()
        self.field.setMaximumWidth(theme.SIDEBAR_WIDTH)
        show_text(self.field.setPlaceholderText, "Find in this conversation")
        show_text(self.field.setAccessibleName, "Find in this conversation")
        self.field.installEventFilter(self)
        self.field.textChanged.connect(finder.find)
        self.count = QLabel()
        self.count.setProperty("muted", True)
        self.back = IconButton("up", "Previous match (Shift+Enter)")
        self.back.clicked.connect(lambda: finder.step(-1))
        self.forth = IconButton("expand", "Next match (Enter)")
        self.forth.clicked.connect(lambda: finder.step(1))
        close = IconButton("close", "Close")
        close.clicked.connect(self.end)
        finder.changed.connect(self._show_count)
        row = QHBoxLayout(self)
        row.setContentsMargins(3 * theme.SPACE, 0, theme.SPACE + 4, theme.SPACE // 2)
        row.setSpacing(theme.SPACE // 2)
        row.addStretch(1)
        for widget in (self.field, self.count, self.back, self.forth, close):
            row.addWidget(widget)
        row.setStretchFactor(self.field, 2)
        self._show_count()
        self.hide()

    def open_with(self, text: str) -> None:
        """Show the bar; look for `text`, if there is any, else for what was looked for last."""
        self.show()
        if text:
            self.field.setText(text)
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()
        self._finder.find(self.field.text())

    def end(self) -> None:
        """Hide the bar and take the marks away."""
        if self.isVisible():
            self.hide()
            self._finder.clear()
            self.closed.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent):
            if event.key() == Qt.Key.Key_Escape:
                if event.type() == QEvent.Type.ShortcutOverride:
                    event.accept()  # it closes the bar, and does not stop an answer
                    return True
                if event.type() == QEvent.Type.KeyPress:
                    self.end()
                    return True
            is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            if event.type() == QEvent.Type.KeyPress and is_enter:
                back = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
                self._finder.step(-1 if back else 1)
                return True
        return super().eventFilter(watched, event)

    def _show_count(self) -> None:
        finder = self._finder
        some = finder.count > 0
        self.back.setEnabled(some)
        self.forth.setEnabled(some)
        if not self.field.text():
            self.count.clear()
        elif some or finder.is_counting:
            show_text(
                self.count.setText, "{number} of {count}", number=finder.number, count=finder.count
            )
        else:
            show_text(self.count.setText, "Not found")
