"""One message: its blocks and, below an answer, a copy button and how the answer ended."""

from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from app import theme
from app.blocks import PlainBlock
from app.icons import IconButton
from app.markdown.view import MarkdownView
from engine.i18n import to_translate, tr
from engine.store import Message

_COPIED_MS: Final = 1500


class MessageView(QWidget):
    """Shows a message of the store and, while it is streaming, takes more text."""

    copied = Signal()

    def __init__(self, message: Message, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.message = message
        self._parts = [message.content] if message.content else []
        self._trimmed = ""
        if message.role == "user":
            self._build_question()
        else:
            self._build_answer()

    def text(self) -> str:
        """Return the whole message as it was written."""
        return "".join(self._parts)

    def append_text(self, text: str) -> None:
        """Add streamed text to the open tail block."""
        if not self._parts:
            self._note.setText(self._trimmed)
            self._answer.show()
        self._parts.append(text)
        self._answer.append_text(text)

    def finish(self, message: Message) -> None:
        """Show how the answer ended; `message` is what the store holds now."""
        self.message = message
        self._answer.finish()
        self._show_state()

    def show_progress(self, text: str) -> None:
        """Say what happens before the first word comes."""
        self._note.setText(text)

    def show_trimmed(self, dropped_messages: int) -> None:
        """Say that the oldest messages were left out of this answer's context."""
        self._trimmed = (
            tr("The oldest message no longer fits and was left out.")
            if dropped_messages == 1
            else tr(
                "The {count} oldest messages no longer fit and were left out.",
                count=dropped_messages,
            )
        )
        self._show_state()

    def note(self) -> str:
        """Return the remark below the answer."""
        return self._note.text()

    def copy(self) -> None:
        """Put the whole message on the clipboard, as it was written."""
        QGuiApplication.clipboard().setText(self.text())
        self.copied.emit()

    def copy_as_text(self) -> None:
        """Put what an answer shows on the clipboard, without its markup."""
        QGuiApplication.clipboard().setText(self._answer.plain_text())
        self.copied.emit()

    def _build_question(self) -> None:
        question = PlainBlock(self.message.content, to_translate("You"))
        question.copy_text_requested.connect(self.copy)
        bubble = QFrame()
        bubble.setObjectName("bubble")
        inner = QVBoxLayout(bubble)
        inner.setContentsMargins(14, 9, 14, 9)
        inner.addWidget(question)
        bubble.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.COLUMN_WIDTH // 8, theme.SPACE, 0, theme.SPACE)
        row.addStretch(1)
        row.addWidget(bubble)

    def _build_answer(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        self._answer = MarkdownView()
        self._answer.copy_text_requested.connect(self.copy_as_text)
        self._answer.copy_markdown_requested.connect(self.copy)
        self._answer.append_text(self.message.content)
        if self.message.status != "streaming":
            self._answer.finish()
        column.addWidget(self._answer)
        self._copy_button = IconButton("copy", "Copy answer")
        self._copy_button.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self._copy_button.addAction(tr("Copy message as text"), self.copy_as_text)
        self._copy_button.addAction(tr("Copy message as Markdown"), self.copy)
        self._copy_button.set_flush()
        self._copy_button.clicked.connect(self.copy)
        self.copied.connect(self._confirm_copy)
        self._copied_timer = QTimer(self, singleShot=True, interval=_COPIED_MS)
        self._copied_timer.timeout.connect(self._reset_copy)
        self._note = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self._note.setProperty("muted", True)
        self._note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        theme.follow_scale(self._fit_note)
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE // 2)
        row.addWidget(self._copy_button, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._note, 1)
        column.addLayout(row)
        self._show_state()

    def _fit_note(self) -> None:
        # The button comes and goes, the line stays.
        self._note.setMinimumHeight(theme.scaled(theme.BUTTON_SIZE))

    def _show_state(self) -> None:
        self._answer.setVisible(bool(self._parts))
        self._copy_button.setVisible(bool(self._parts) and self.message.status != "streaming")
        ending = _ending(self.message)
        self._note.setText(" ".join(part for part in (self._trimmed, ending) if part))

    def _confirm_copy(self) -> None:
        self._copy_button.show_as("check", "Copied")
        self._copied_timer.start()

    def _reset_copy(self) -> None:
        self._copy_button.show_as("copy", "Copy answer")


def _ending(message: Message) -> str:
    """Say how an answer ended, unless it simply came to its end."""
    if message.status == "interrupted":
        return tr("Interrupted: the application ended before the answer did.")
    if message.status == "cancelled":
        return tr("Stopped.")
    if message.status == "failed":
        return message.error or tr("The answer failed.")
    if message.finish_reason == "length":
        return tr("The answer reached the length limit.")
    return ""
