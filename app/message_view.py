"""One message: its blocks and, below them, what can be done with it and how an answer ended."""

from contextlib import suppress

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QEnterEvent, QGuiApplication, QTextCursor
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.blocks import PlainBlock, TextBlock
from app.documents.sources_row import SourcesRow
from app.edit_box import EditBox
from app.markdown.view import MarkdownView
from app.message_toolbar import MessageToolbar
from app.texts import follow_language, show_text
from engine.documents.answering.sources import Sources
from engine.i18n import to_translate, tr
from engine.store import Message


class MessageView(QWidget):
    """Shows a message of the store and, while it is streaming, takes more text."""

    edited = Signal(str)
    """A new version of it was written."""
    regenerate_requested = Signal()
    continue_requested = Signal()
    version_requested = Signal(int)
    source_opened = Signal(object)

    def __init__(self, message: Message, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.message = message
        self._answer: MarkdownView
        self._content: QWidget
        self.is_answer = message.role == "assistant"
        self._parts = [message.content] if message.content else []
        self._trimmed = ""
        self._versions = 1
        self._edit_box: EditBox | None = None
        self.sources: SourcesRow | None = None
        """What an answer from documents rests on."""
        self.toolbar = MessageToolbar(is_answer=self.is_answer)
        self.toolbar.copy_requested.connect(self.copy)
        self.toolbar.edit_requested.connect(lambda: self.start_editing())
        self.toolbar.regenerate_requested.connect(self.regenerate_requested)
        self.toolbar.version_requested.connect(self.version_requested)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        if self.is_answer:
            self._build_answer()
        else:
            self._build_question()

    def text(self) -> str:
        """Return the whole message as it was written."""
        return "".join(self._parts)

    def blocks(self) -> list[TextBlock]:
        """Return what its text is shown in, in the order of reading."""
        return self._answer.text_blocks() if self.is_answer else [self._question]

    def append_text(self, text: str) -> None:
        """Add streamed text to the open tail block."""
        if not self._parts:
            self._note.setText(self._trimmed)
            self._answer.show()
        self._parts.append(text)
        self._answer.append_text(text, patient=True)

    def finish(self, message: Message) -> None:
        """Show how the answer ended; `message` is what the store holds now."""
        self.message = message
        self._answer.finish()
        self._show_state()

    def show_marked(self, text: str, sources: Sources) -> None:
        """Show the whole answer with its marks, and what it rests on."""
        if text != self.text():
            former = self._answer
            self._parts = [text]
            self._answer = self._content = self._make_markdown()
            self._column.replaceWidget(former, self._answer)
            former.hide()
            former.deleteLater()
            self._answer.append_text(text)
            self._answer.show()
        self._show_sources(sources)

    def show_progress(self, text: str) -> None:
        """Say what happens before the first word comes."""
        self._note.setText(text)

    def show_trimmed(self, dropped_messages: int) -> None:
        """Say that the oldest messages were left out of this answer's context."""
        self._trimmed = trimmed_text(dropped_messages)
        self._show_state()

    def show_versions(self, place: int, count: int) -> None:
        """Say that it is number `place`, from 0 on, of `count` versions."""
        self._versions = count
        self.toolbar.show_versions(place, count)
        self._show_toolbar()

    def has_versions(self) -> bool:
        """Tell whether there are other versions of it."""
        return self._versions > 1

    def show_quiet(self, quiet: bool) -> None:
        """Allow what makes a new version only while no answer is being written."""
        self.toolbar.show_quiet(quiet)
        if self.is_answer:
            self.go_on.setEnabled(quiet)

    def note(self) -> str:
        """Return the remark below the answer."""
        return self._note.text()

    def copy(self) -> None:
        """Put the whole message on the clipboard, as it was written."""
        QGuiApplication.clipboard().setText(self.text())
        self.toolbar.confirm_copy()

    def copy_as_text(self) -> None:
        """Put what is shown on the clipboard, without its markup."""
        shown = self._answer.plain_text() if self.is_answer else self.text()
        QGuiApplication.clipboard().setText(shown)
        self.toolbar.confirm_copy()

    def start_editing(self, text: str | None = None) -> None:
        """Let the person write the message anew, in its place, or go on with `text`."""
        if self._edit_box is not None:
            self._edit_box.setFocus()
            return
        begun = self.text() if text is None else text
        self._edit_box = EditBox(begun, is_question=not self.is_answer)
        self._edit_box.finished.connect(self._finish_editing)
        self._edit_box.cancelled.connect(self.stop_editing)
        self._content.hide()
        self._foot.hide()
        self._column.addWidget(self._edit_box)
        self._edit_box.show()
        if text is None:
            self._edit_box.setFocus()

    def unfinished_edit(self) -> str | None:
        """Return what is being written in place of the message; None if that is nothing new."""
        text = None if self._edit_box is None else self._edit_box.edit.toPlainText()
        return None if text == self.text() else text

    def stop_editing(self) -> None:
        """Show the message again as it was."""
        if self._edit_box is not None:
            self._edit_box.hide()
            self._edit_box.deleteLater()
            self._edit_box = None
            self._content.setVisible(not self.is_answer or bool(self._parts))
            self._foot.show()
            self.take_focus()

    def take_focus(self) -> None:
        """Let keys select its text: the cursor is at its beginning."""
        blocks = self.blocks()
        if blocks:
            blocks[0].moveCursor(QTextCursor.MoveOperation.Start)
            blocks[0].setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            self.toolbar.copy_button.setFocus(Qt.FocusReason.OtherFocusReason)

    def _finish_editing(self, text: str) -> None:
        self.stop_editing()
        if text != self.text().strip():
            self.edited.emit(text)

    def _build_question(self) -> None:
        self._question = PlainBlock(self.message.content, to_translate("You"))
        self._question.copy_text_requested.connect(self.copy)
        bubble = QFrame()
        bubble.setObjectName("bubble")
        inner = QVBoxLayout(bubble)
        inner.setContentsMargins(14, 9, 14, 9)
        inner.addWidget(self._question)
        self._content = QWidget()
        row = QHBoxLayout(self._content)
        row.setContentsMargins(theme.COLUMN_WIDTH // 8, theme.SPACE, 0, 0)
        row.addStretch(1)
        row.addWidget(bubble)
        self._foot = QWidget()
        foot = QHBoxLayout(self._foot)
        foot.setContentsMargins(0, 0, 0, 0)
        foot.addStretch(1)
        foot.addWidget(self.toolbar)
        self._column.addWidget(self._content)
        self._column.addWidget(self._foot)
        theme.follow_scale(self._fit_foot)
        self._show_toolbar()

    def _build_answer(self) -> None:
        self._answer = self._content = self._make_markdown()
        self._answer.append_text(self.message.content)
        if self.message.status != "streaming":
            self._answer.finish()
        self._column.addWidget(self._answer)
        if self.message.sources is not None:
            with suppress(ValueError, TypeError, KeyError):  # of another version: no sources
                self._show_sources(Sources.from_json(self.message.sources))
        self.toolbar.copy_button.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        as_text = self.toolbar.copy_button.addAction("", self.copy_as_text)
        as_markdown = self.toolbar.copy_button.addAction("", self.copy)
        show_text(as_text.setText, "Copy message as text")
        show_text(as_markdown.setText, "Copy message as Markdown")
        self._note = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self._note.setProperty("muted", True)
        self._note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.go_on = QPushButton()
        self.go_on.setProperty("quiet", True)
        self.go_on.clicked.connect(self._go_on)
        self._foot = QWidget()
        row = QHBoxLayout(self._foot)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE)
        row.addWidget(self.toolbar, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._note, 1)
        row.addWidget(self.go_on, 0, Qt.AlignmentFlag.AlignTop)
        self._column.addWidget(self._foot)
        theme.follow_scale(self._fit_foot)
        follow_language(self._show_state)

    def _fit_foot(self) -> None:
        # The buttons come and go, the line stays.
        self._foot.setMinimumHeight(theme.scaled(theme.BUTTON_SIZE))

    def _make_markdown(self) -> MarkdownView:
        view = MarkdownView()
        view.copy_text_requested.connect(self.copy_as_text)
        view.copy_markdown_requested.connect(self.copy)
        return view

    def _show_sources(self, sources: Sources) -> None:
        if self.sources is None:
            self.sources = SourcesRow()
            self.sources.opened.connect(self.source_opened)
            self._column.insertWidget(self._column.indexOf(self._answer) + 1, self.sources)
        self.sources.show_sources(sources)

    def can_continue(self) -> bool:
        """Tell whether the answer was cut off and has a beginning to go on with."""
        cut = self.message.status in ("interrupted", "cancelled")
        return bool(self._parts) and (cut or self.message.finish_reason == "length")

    def _go_on(self) -> None:
        if self.can_continue():
            self.continue_requested.emit()
        else:
            self.regenerate_requested.emit()

    def _show_state(self) -> None:
        self._answer.setVisible(bool(self._parts) and self._edit_box is None)
        ending = ending_text(self.message)
        self._note.setText(" ".join(part for part in (self._trimmed, ending) if part))
        self.go_on.setText(tr("Continue") if self.can_continue() else tr("Try again"))
        self.go_on.setVisible(bool(ending))
        self._show_toolbar()

    def _show_toolbar(self, near: bool = False) -> None:
        """An answer's buttons stay; those of a question show while the pointer is near."""
        if self.is_answer:
            self.toolbar.setVisible(self.message.status != "streaming")
            self.toolbar.copy_button.setEnabled(bool(self._parts))
        else:
            self.toolbar.setVisible(near or self._versions > 1)

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self._show_toolbar(near=True)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._show_toolbar()


def trimmed_text(dropped_messages: int) -> str:
    """Say that the oldest messages were left out of the context."""
    if dropped_messages == 1:
        return tr("The oldest message no longer fits and was left out.")
    return tr(
        "The {count} oldest messages no longer fit and were left out.", count=dropped_messages
    )


def ending_text(message: Message) -> str:
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
