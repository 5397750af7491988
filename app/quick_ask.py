"""A small window for a quick question: ask, read the answer, go on in the window if you like."""

from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.markdown.view import MarkdownView
from engine.chat import AnswerEvent, ChatEvent
from engine.events import Cancelled, Done, Failed, Token
from engine.i18n import tr

_SIZE: Final = (520, 360)


class QuickAsk(QWidget):
    """Each question opens a conversation of its own, which the main window shows, too.

    `ask` sends a question and returns the id of its conversation, or None if it was refused.
    """

    continue_requested = Signal()
    """The person wants to go on in the main window."""

    def __init__(self, ask: Callable[[str], int | None]) -> None:
        super().__init__(None, Qt.WindowType.Window | Qt.WindowType.WindowStaysOnTopHint)
        self.setWindowTitle(tr("Quick question"))
        self._ask = ask
        self._conversation_id: int | None = None
        self._answer = MarkdownView()
        self.edit = QLineEdit(placeholderText=tr("Ask, and press Enter"))
        self.edit.setAccessibleName(tr("Question"))
        self.edit.returnPressed.connect(self._send)
        self.state = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.state.setProperty("muted", True)
        self.go_on = QPushButton(tr("Go on in the window"))
        self.go_on.clicked.connect(self._go_on)
        self._scroll = QScrollArea(widgetResizable=True)
        self._scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        self._scroll.setAccessibleName(tr("Answer"))
        row = QHBoxLayout()
        row.addWidget(self.state, 1)
        row.addWidget(self.go_on)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[2 * theme.SPACE] * 4)
        column.setSpacing(theme.SPACE)
        column.addWidget(self.edit)
        column.addWidget(self._scroll, 1)
        column.addLayout(row)
        self.resize(*_SIZE)
        self._clear()

    def answer(self) -> str:
        """Return what the answer shows."""
        return self._answer.plain_text()

    def take(self, events: Sequence[ChatEvent]) -> None:
        """Show what belongs to the question that was asked last."""
        for event in events:
            if isinstance(event, AnswerEvent) and event.conversation_id == self._conversation_id:
                self._take(event)

    def _take(self, answer: AnswerEvent) -> None:
        match answer.event:
            case Token(text=text):
                self.state.setText(tr("Answering…"))
                self._answer.append_text(text)
            case Failed(error=error):
                self._end(str(error))
            case Cancelled():
                self._end(tr("Stopped."))
            case Done():
                self._end("")

    def _end(self, text: str) -> None:
        self._answer.finish()
        self.state.setText(text)
        self._conversation_id = None
        self.edit.setEnabled(True)
        self.edit.setFocus()
        self.edit.selectAll()

    def _send(self) -> None:
        text = self.edit.text().strip()
        if not text:
            return
        self._clear()
        self._conversation_id = self._ask(text)
        if self._conversation_id is None:
            self.state.setText(tr("The question could not be sent; the window says why."))
            self.go_on.show()
            return
        self.edit.setEnabled(False)
        self.state.setText(tr("Thinking…"))
        self.go_on.show()

    def _clear(self) -> None:
        self._answer = MarkdownView()
        self._scroll.setWidget(self._answer)  # deletes the one before
        self.state.clear()
        self.go_on.hide()

    def _go_on(self) -> None:
        self.close()
        self.continue_requested.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        super().closeEvent(event)
        self.edit.clear()
