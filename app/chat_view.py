"""The open conversation: shows what the store and the engine say, sends what the user writes."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QApplication, QStackedWidget, QVBoxLayout, QWidget

from app import theme
from app.actions import Group, add_action
from app.blocks import TextBlock
from app.composer import Composer
from app.conversation_files.bar import ProgressLine
from app.find_bar import FindBar
from app.finder import Finder
from app.message_commands import MessageCommands
from app.message_view import MessageView
from app.notice import NoticeBar
from app.places import Places
from app.status import StatusLine
from app.transcript import Transcript, side_margin
from app.welcome import Welcome
from engine.chat import AnswerEvent, AnswerNotSaved, ChatEvent, ChatService
from engine.documents.answering.sources import DocumentScope
from engine.errors import GebError, StoreError
from engine.events import (
    Cancelled,
    CitationsMarked,
    ContextReduced,
    ContextTrimmed,
    Done,
    Failed,
    ModelFailed,
    ModelLoaded,
    ModelLoading,
    PrefillProgress,
    SourcesFound,
    Token,
)
from engine.i18n import to_translate, tr
from engine.store import Message

_DRAFT_DELAY_MS: Final = 500


class ChatView(QWidget):
    """Transcript, composer and status of one conversation at a time.

    Answers of other conversations go on; their text is kept here until they end, because
    the store is up to a second behind.
    """

    _unread_said: object = None
    """What was told of the files that the last question could not ask."""
    sent = Signal(int)
    """A message of this conversation is stored; its title and place in the list may be new."""
    answering_changed = Signal(bool)
    opened = Signal(int)
    """Another conversation is shown."""
    source_opened = Signal(object)
    """What an answer rests on, a Citation or a RetrievedPassage, is to be shown."""

    def __init__(self, service: ChatService, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._service = service
        self._conversation_id: int | None = None
        self._live: dict[int, Message] = {}
        self._has_model = False
        self.documents: Callable[[], DocumentScope | None] = lambda: None
        """What the next question asks besides the model."""
        self.notice = NoticeBar()
        self.progress = ProgressLine()
        self.transcript = Transcript()
        self.composer = Composer()
        self.status = StatusLine()
        self._pages = QStackedWidget()
        self._pages.addWidget(Welcome())
        self._pages.addWidget(self.transcript)
        self._draft_timer = QTimer(self, singleShot=True, interval=_DRAFT_DELAY_MS)
        self._draft_timer.timeout.connect(self.save_draft)
        self._places = Places(service.store, self.transcript, self)
        self._places.failed.connect(self.show_error)
        self.composer.edited.connect(self._draft_timer.start)
        self.composer.send_requested.connect(self.send)
        self.composer.stop_requested.connect(self.stop)
        self.transcript.source_opened.connect(self.source_opened)
        self.commands = MessageCommands(self, self.transcript, service)
        self.commands.branched.connect(self._show_branch)
        self.commands.failed.connect(self.show_error)
        self.finder = Finder(self.transcript)
        self.find_bar = FindBar(self.finder)
        self.find_bar.closed.connect(self.composer.setFocus)
        self._add_find_actions()
        self._lay_out()

    @property
    def conversation_id(self) -> int | None:
        """The open conversation."""
        return self._conversation_id

    def open(self, conversation_id: int) -> None:
        """Show another conversation with its draft; what was being written is kept as a draft."""
        if conversation_id == self._conversation_id:
            return
        self.save_draft()
        try:
            messages, versions = self._branch(conversation_id)
            draft = self._service.store.draft(conversation_id)
        except StoreError as error:
            self.show_error(error)
            return
        self._conversation_id = conversation_id
        self.find_bar.hide()
        self.finder.clear()
        self.transcript.show_messages(messages)
        self.transcript.show_versions(versions)
        self._places.restore(conversation_id)
        self._pages.setCurrentIndex(1 if messages else 0)
        self.composer.set_text(draft)
        self._draft_timer.stop()
        self._show_answering()
        self._show_last_answer(messages)
        self.opened.emit(conversation_id)

    def forget(self, conversation_id: int) -> None:
        """Let go of a conversation that was deleted: end its answer, show it no longer."""
        if (running := self._service.running_answer(conversation_id)) is not None:
            self._service.stop(running)
        if conversation_id == self._conversation_id:
            self._draft_timer.stop()
            self._places.forget(conversation_id)
            self._conversation_id = None

    def send(self, text: str) -> None:
        """Store `text` and show it once it is stored; the answer streams in below it."""
        if self._conversation_id is None:
            return
        try:
            question, answer = self._service.send(
                self._conversation_id, text, documents=self.documents()
            )
        except GebError as error:
            self.show_error(error)
            return
        self._pages.setCurrentIndex(1)
        self.composer.set_text("")
        self._draft_timer.stop()
        self.transcript.add(question)
        self.transcript.add(answer)
        self._begin(answer)

    def show_found(self, message_id: int, query: str) -> None:
        """Go to a message of the open conversation, in its branch, with the words marked."""
        if all(message.id != message_id for message in self.transcript.messages):
            try:
                self._service.show_version(message_id)
            except GebError as error:
                self.show_error(error)
                return
            self._show_branch(None)
        self.find_bar.hide()
        self.finder.mark_words(message_id, query)

    def open_find_bar(self) -> None:
        """Open the bar that finds words in this conversation."""
        block = QApplication.focusWidget()
        selected = block.selected_text() if isinstance(block, TextBlock) else ""
        self.find_bar.open_with(selected if "\n" not in selected else "")

    def stop(self) -> None:
        """Stop the answer that is coming in the open conversation."""
        running = self._running_answer()
        if running is not None:
            self._service.stop(running)

    def save_draft(self) -> None:
        """Keep what is written in the composer, and where the reader is."""
        self._draft_timer.stop()
        self._places.save()
        if self._conversation_id is None:
            return
        try:
            self._service.store.set_draft(self._conversation_id, self.composer.text())
        except StoreError as error:
            self.show_error(error)

    def show_error(self, error: GebError) -> None:
        """Tell what went wrong, above the composer."""
        self.notice.tell(error)

    def take(self, events: Sequence[ChatEvent]) -> None:
        """Show the events of one frame; adjacent pieces of text are added at once."""
        for event in _merged(events):
            if isinstance(event, AnswerEvent):
                self._take_answer(event)
            elif isinstance(event, AnswerNotSaved):
                self.show_error(event.error)
            else:
                self._take_model(event)

    def show_no_model(self, error: GebError) -> None:
        """Say why there is no model; reading, writing and new conversations go on."""
        self.notice.tell(error)
        if not self._has_model:
            self.status.show_no_model()
            self.composer.set_blocked(to_translate("Nothing can be sent: no model is loaded."))

    def _take_model(self, event: ModelLoading | ContextReduced | ModelLoaded | ModelFailed) -> None:
        if isinstance(event, ModelLoading):
            self.status.show_loading()
        elif isinstance(event, ContextReduced):
            self.notice.tell(
                tr(
                    "Memory is short: the model can use {length} tokens of context instead of "
                    "{wanted}.",
                    length=event.context_length,
                    wanted=event.wanted,
                )
            )
        elif isinstance(event, ModelLoaded):
            self._has_model = True
            self.status.show_model(event.name, event.context_length)
            self.composer.set_blocked("")
        else:
            self.show_no_model(event.error)

    def _take_answer(self, answer: AnswerEvent) -> None:
        message = self._live[answer.message_id]
        view = self.transcript.view(message.id)
        event = answer.event
        if isinstance(event, Token):
            self._live[message.id] = replace(message, content=message.content + event.text)
            if view is not None:
                view.append_text(event.text)
                self.status.show_answering(event.tokens)
        elif isinstance(event, Done | Cancelled | Failed):
            ended = _ended(self._live.pop(message.id), event)
            if self.transcript.finish(ended) is not None:
                self.finder.refresh(ended)
                self._show_answering()
                self.status.show_answer(ended)
        elif isinstance(event, CitationsMarked):
            self._live[message.id] = replace(
                message, content=event.text, sources=event.sources.to_json()
            )
            if view is not None:
                view.show_marked(event.text, event.sources)
                self.transcript.rebuilt.emit()
        elif isinstance(event, SourcesFound):
            self._show_found_sources(event, view)
        elif view is None:
            return
        elif isinstance(event, PrefillProgress):
            self.status.show_prefill(event)
        elif isinstance(event, ContextTrimmed):
            view.show_trimmed(event.dropped_messages)
            self.status.show_trimmed(event.dropped_messages)

    def _show_found_sources(self, event: SourcesFound, view: MessageView | None) -> None:
        if view is not None:
            count = len(event.retrieval.passages)
            view.show_progress(tr("Reading {count} passages…", count=count))
        if event.retrieval.unread:
            rest = to_translate("The other documents were asked.")
            self._unread_said = self.notice.tell_all(event.retrieval.unread, rest)

    def _add_find_actions(self) -> None:
        group = Group.VIEW
        add_action(
            self, "find", "Find in this conversation", self.open_find_bar, "Ctrl+F", group=group
        )
        add_action(self, "find-next", "Next match", lambda: self.finder.step(1), "F3", group=group)
        add_action(
            self,
            "find-previous",
            "Previous match",
            lambda: self.finder.step(-1),
            "Shift+F3",
            group=group,
        )

    def _branch(self, conversation_id: int) -> tuple[list[Message], dict[int, list[int]]]:
        """Return the messages that are shown, as far as they are written, and their versions."""
        store = self._service.store
        messages = [self._live.get(m.id, m) for m in store.thread(conversation_id)]
        return messages, store.versions(conversation_id)

    def _show_branch(self, begun: Message | None) -> None:
        """Show the branch that the store holds now; `begun` is an answer that is being written."""
        if self._conversation_id is None:
            return
        try:
            messages, versions = self._branch(self._conversation_id)
        except StoreError as error:
            self.show_error(error)
            return
        self.transcript.update_messages(messages)
        self.transcript.show_versions(versions)
        if begun is not None:
            self._begin(begun)
        else:
            self._show_answering()
            self._show_last_answer(messages)

    def _begin(self, answer: Message) -> None:
        """Expect the pieces of an answer that is shown already."""
        self._live[answer.id] = answer
        view = self.transcript.view(answer.id)
        if view is not None and not answer.content:
            text = tr("Thinking…") if self._has_model else tr("Waiting for the model…")
            view.show_progress(text)
        self.transcript.scroll_to_end()
        self._show_answering()
        self.notice.withdraw(self._unread_said)
        self.sent.emit(answer.conversation_id)

    def _running_answer(self) -> int | None:
        return next(
            (m.id for m in self._live.values() if m.conversation_id == self._conversation_id), None
        )

    def _show_answering(self) -> None:
        answering = self._running_answer() is not None
        self.composer.set_answering(answering)
        self.commands.show_quiet(not answering)
        self.answering_changed.emit(answering)

    def _show_last_answer(self, messages: Sequence[Message]) -> None:
        if messages and messages[-1].id not in self._live:
            self.status.show_answer(messages[-1])
        else:
            self.status.clear_activity()

    def _lay_out(self) -> None:
        self._bottom = QVBoxLayout()
        self._bottom.setSpacing(theme.SPACE)
        self._bottom.addWidget(self.progress)
        self._bottom.addWidget(self.notice)
        self._bottom.addWidget(self.composer)
        self._bottom.addWidget(self.status)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, theme.SPACE)
        column.setSpacing(theme.SPACE)
        column.addWidget(self.find_bar)
        column.addWidget(self._pages, 1)
        column.addLayout(self._bottom)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        bar = self.transcript.verticalScrollBar().sizeHint().width()
        side = side_margin(self.width() - bar)
        self._bottom.setContentsMargins(side, 0, side + bar, 0)


def _merged(events: Sequence[ChatEvent]) -> list[ChatEvent]:
    """Join pieces of text of the same answer that follow each other."""
    merged: list[ChatEvent] = []
    for event in events:
        last = merged[-1] if merged else None
        if (
            isinstance(event, AnswerEvent)
            and isinstance(event.event, Token)
            and isinstance(last, AnswerEvent)
            and isinstance(last.event, Token)
            and last.message_id == event.message_id
        ):
            text = last.event.text + event.event.text
            tokens = last.event.tokens + event.event.tokens
            merged[-1] = replace(last, event=replace(last.event, text=text, tokens=tokens))
        else:
            merged.append(event)
    return merged


def _ended(message: Message, event: Done | Cancelled | Failed) -> Message:
    """Return the answer as it ended; the same as in the store, if the disk took it."""
    if isinstance(event, Failed):
        return replace(message, status="failed", finish_reason="error", error=str(event.error))
    return replace(
        message,
        status="complete" if isinstance(event, Done) else "cancelled",
        finish_reason=event.finish_reason if isinstance(event, Done) else "cancelled",
        prompt_tokens=event.usage.prompt_tokens,
        completion_tokens=event.usage.completion_tokens,
        prefill_ms=event.usage.prefill_ms,
        decode_tokens_per_second=event.usage.decode_tokens_per_second,
    )
