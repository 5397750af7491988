"""Where a message is written: grows with its text, and knows when Enter means "send"."""

from math import ceil
from typing import Final

from PySide6.QtCore import QEvent, QMimeData, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QTextEdit,
    QWidget,
)

from app import theme
from app.icons import IconButton
from app.texts import show_text

_MAXIMUM_LINES: Final = 8


class Composer(QFrame):
    """The text box with its send button, which becomes a stop button while an answer comes."""

    send_requested = Signal(str)
    stop_requested = Signal()
    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("composerFrame")
        self._answering = False
        self._blocked = ""
        self.edit = ComposerEdit()
        self.edit.send_pressed.connect(self._send)
        self.edit.textChanged.connect(self._update_button)
        self.edit.textChanged.connect(self.edited)
        self.edit.focus_changed.connect(self._mark_active)
        self.button = IconButton("send", "Send")
        self.button.setProperty("filled", True)
        self.button.clicked.connect(self._press)
        self._reason = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self._reason.hide()
        self._reason.setProperty("muted", True)
        grid = QGridLayout(self)
        grid.setContentsMargins(theme.SPACE + 6, theme.SPACE, theme.SPACE, theme.SPACE)
        grid.setHorizontalSpacing(theme.SPACE)
        grid.setVerticalSpacing(2)
        self._grid = grid
        grid.addWidget(self.edit, 1, 0)
        grid.addWidget(self.button, 1, 1, 2, 1, Qt.AlignmentFlag.AlignBottom)
        self._tools = QHBoxLayout()
        self._tools.addStretch(1)
        grid.addLayout(self._tools, 2, 0)
        grid.addWidget(self._reason, 3, 0, 1, 2)
        self.setFocusProxy(self.edit)
        self._update_button()

    def add_above(self, widget: QWidget) -> None:
        """Put what goes with the next message above the text."""
        self._grid.addWidget(widget, 0, 0, 1, 2)

    def add_tool(self, tool: QWidget) -> None:
        """Put something that belongs to the next message below the text."""
        self._tools.insertWidget(self._tools.count() - 1, tool)

    def text(self) -> str:
        """Return what is written so far."""
        return self.edit.toPlainText()

    def set_text(self, text: str) -> None:
        """Replace what is written, with the cursor at its end."""
        self.edit.setPlainText(text)
        self.edit.moveCursor(self.edit.textCursor().MoveOperation.End)

    def set_answering(self, answering: bool) -> None:
        """Turn the send button into a stop button and back."""
        self._answering = answering
        if answering:
            self.button.show_as("stop", "Stop (Esc)")
        else:
            self.button.show_as("send", "Send (Enter)")
        self._update_button()

    def set_blocked(self, reason: str) -> None:
        """Refuse to send and show why; writing stays possible. An empty reason allows it again.

        `reason` is English text, which follows the language.
        """
        self._blocked = reason
        show_text(self._reason.setText, reason)
        self._reason.setVisible(bool(reason))
        self._update_button()

    def _press(self) -> None:
        if self._answering:
            self.stop_requested.emit()
        else:
            self._send()

    def _send(self) -> None:
        if self._can_send():
            self.send_requested.emit(self.text().strip())

    def _can_send(self) -> bool:
        return not self._answering and not self._blocked and bool(self.text().strip())

    def _update_button(self) -> None:
        self.button.setEnabled(self._answering or self._can_send())

    def _mark_active(self, active: bool) -> None:
        self.setProperty("active", active)
        self.style().unpolish(self)
        self.style().polish(self)


class ComposerEdit(QTextEdit):
    """Plain text; Enter sends, Shift+Enter breaks the line, and keys of a composition stay its own.

    Most input methods swallow the keys of a composition before Qt sees them, but not all do.
    Without `enter_sends`, Enter breaks the line and Ctrl+Enter sends.
    """

    send_pressed = Signal()
    focus_changed = Signal(bool)

    def __init__(
        self,
        *,
        maximum_lines: int = _MAXIMUM_LINES,
        enter_sends: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._maximum_lines = maximum_lines
        self._enter_sends = enter_sends
        self.setAcceptRichText(False)
        self.setTabChangesFocus(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        show_text(self.setPlaceholderText, "Write a message")
        show_text(self.setAccessibleName, "Message")
        show_text(self.setAccessibleDescription, "Enter sends, Shift+Enter starts a new line.")
        self.document().setDocumentMargin(theme.SPACE * 0.75)
        self.document().documentLayout().documentSizeChanged.connect(self._fit_height)
        theme.follow_scale(self._fit_font)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        # Files that are dropped here are the window's, not text.
        return not source.hasUrls() and super().canInsertFromMimeData(source)

    def composing(self) -> bool:
        """Tell whether an input method shows text that it has not committed yet."""
        return bool(self.textCursor().block().layout().preeditAreaText())

    def event(self, event: QEvent) -> bool:
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() == Qt.Key.Key_Escape
            and self.composing()
        ):
            event.accept()  # Escape ends the composition, not the answer
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() not in (Qt.Key.Key_Return, Qt.Key.Key_Enter) or self.composing():
            super().keyPressEvent(event)
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier or not (
            self._enter_sends or event.modifiers() & Qt.KeyboardModifier.ControlModifier
        ):
            self.textCursor().insertText("\n")
            self.ensureCursorVisible()
        elif not event.isAutoRepeat():
            self.send_pressed.emit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.focus_changed.emit(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.focus_changed.emit(False)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.minimumHeight())

    def _fit_font(self) -> None:
        self.setFont(theme.message_font())
        self.viewport().setFont(theme.message_font())  # the placeholder's, which lags behind
        self._fit_height()

    def _fit_height(self) -> None:
        margins = ceil(2 * self.document().documentMargin())
        limit = self._maximum_lines * self.fontMetrics().lineSpacing() + margins
        wanted = ceil(self.document().size().height())
        self.setVerticalScrollBarPolicy(
            Qt.ScrollBarPolicy.ScrollBarAsNeeded
            if wanted > limit
            else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        )
        self.setFixedHeight(max(theme.scaled(theme.BUTTON_SIZE), min(wanted, limit)))
