"""A conversation with the model: what the window and the terminal share.

A message goes store → worker → store → listener: the user's message is on the disk before it
is shown, and so is how an answer ended. An answer being written is saved about once a second.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from engine.answer_recorder import AnswerRecorder
from engine.conversation_text import title_of, turns_of
from engine.errors import GenerationError, StoreError
from engine.events import (
    Cancelled,
    ContextReduced,
    ContextTrimmed,
    Done,
    Event,
    Failed,
    ModelFailed,
    ModelLoaded,
    ModelLoading,
    PrefillProgress,
    Started,
    Token,
)
from engine.sampling import SamplingParams
from engine.store import Message, Store, set_aside_damaged_store
from engine.worker import EngineWorker

AnswerStep = Started | PrefillProgress | ContextTrimmed | Token | Done | Cancelled | Failed
ModelEvent = ModelLoading | ContextReduced | ModelLoaded | ModelFailed

KEEP_DELETED_SECONDS = 30 * 24 * 3600
"""Deleted conversations are erased for good after this time."""


@dataclass(frozen=True)
class AnswerEvent:
    """A step of an answer. A last one (Done, Cancelled, Failed) is on the disk already."""

    conversation_id: int
    message_id: int
    event: AnswerStep


@dataclass(frozen=True)
class AnswerNotSaved:
    """The disk refused an answer, which goes on in memory. Comes at most once for each."""

    conversation_id: int
    message_id: int
    error: StoreError


ChatEvent = AnswerEvent | AnswerNotSaved | ModelEvent


class ChatService:
    """Owns the store and the engine's thread. Use it from the thread that created it.

    `listener` is called on the engine's thread. Raises StoreError if the store cannot be used.
    `set_aside` names the file into which a damaged store was renamed at this start, or is None.
    """

    def __init__(
        self,
        store_path: Path,
        listener: Callable[[ChatEvent], None],
        worker_factory: Callable[[Callable[[Event], None]], EngineWorker] = EngineWorker,
    ) -> None:
        self._listener = listener
        self._lock = threading.Lock()  # guards the two collections below
        self._recorders: dict[int, AnswerRecorder] = {}
        self._unsaved: list[Callable[[Store], None]] = []
        self._model: str | None = None  # set and read on the engine's thread
        self.set_aside = set_aside_damaged_store(store_path)
        self.store = Store(store_path)
        try:
            self.store.recover()
            self.store.purge(deleted_before=time.time() - KEEP_DELETED_SECONDS)
            self._worker = worker_factory(self._on_event)
        except BaseException:
            self.store.close()
            raise

    @property
    def worker(self) -> EngineWorker:
        """The engine's thread, whose one queue others may use as well (see engine.api)."""
        return self._worker

    def load_model(self, path: Path) -> int:
        """Begin to open the bundle at `path`; returns the request_id of the events about it."""
        return self._worker.load(path)

    def send(
        self, conversation_id: int, text: str, params: SamplingParams | None = None
    ) -> tuple[Message, Message]:
        """Store the user's `text` and an empty answer below it, and begin to answer.

        Without `params` as the model's own settings say. Returns both messages. Raises
        StoreError, with nothing stored, if the disk refuses them, and GenerationError for an
        empty text or while the conversation is being answered.
        """
        if not text.strip():
            raise GenerationError("Type a message first.")
        if self.running_answer(conversation_id) is not None:
            raise GenerationError("An answer is still being written. Wait for it, or stop it.")
        self._save_unsaved()
        with self.store.transaction():
            conversation = self.store.conversation(conversation_id)
            branch = self.store.thread(conversation_id)
            parent_id = branch[-1].id if branch else None
            user = self.store.add_message(conversation_id, "user", text, parent_id=parent_id)
            assistant = self.store.add_message(
                conversation_id, "assistant", "", parent_id=user.id, status="streaming"
            )
            self.store.set_draft(conversation_id, "")
            if not branch and not conversation.title:
                self.store.rename(conversation_id, title_of(text))
        turns = turns_of(conversation.system_prompt, [*branch, user])
        # Under the lock, so that no event of the answer comes before its recorder is known.
        with self._lock:
            request_id = self._worker.generate(turns, params)
            self._recorders[request_id] = AnswerRecorder(
                self.store.path, assistant, partial(self._on_refused, assistant)
            )
        return user, assistant

    def running_answer(self, conversation_id: int) -> int | None:
        """Return the id of the message that is being written in a conversation, if any."""
        with self._lock:
            messages = [recorder.message for recorder in self._recorders.values()]
        return next((m.id for m in messages if m.conversation_id == conversation_id), None)

    def stop(self, message_id: int | None = None) -> None:
        """Stop writing one answer, or (None) all of them; what is written stays."""
        with self._lock:
            requests = [
                request_id
                for request_id, recorder in self._recorders.items()
                if message_id in (None, recorder.message.id)
            ]
        for request_id in requests:
            self._worker.cancel(request_id)

    def close(self) -> None:
        """Stop every answer, end the engine's thread and close the store."""
        self._worker.close()
        with suppress(StoreError):  # the listener heard of it when the answer ended
            self._save_unsaved()
        self.store.close()

    def _on_event(self, event: Event) -> None:
        """Runs on the engine's thread."""
        if isinstance(event, ModelEvent):
            if isinstance(event, ModelLoaded):
                self._model = event.name
            self._listener(event)
            return
        with self._lock:
            recorder = self._recorders[event.request_id]
        if isinstance(event, Token):
            recorder.add(event.text, self._model)
        elif isinstance(event, Done | Cancelled | Failed):
            recorder.finish(event, self._model)
            # Before the listener hears of the end: it may send the next message at once.
            with self._lock:
                del self._recorders[event.request_id]
                if recorder.unsaved is not None:
                    self._unsaved.append(recorder.unsaved)
        message = recorder.message
        self._listener(AnswerEvent(message.conversation_id, message.id, event))

    def _on_refused(self, message: Message, error: StoreError) -> None:
        self._listener(AnswerNotSaved(message.conversation_id, message.id, error))

    def _save_unsaved(self) -> None:
        """Write the answers that the disk refused when they ended."""
        with self._lock:
            while self._unsaved:
                self._unsaved[0](self.store)
                del self._unsaved[0]
