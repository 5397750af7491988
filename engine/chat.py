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
from typing import TYPE_CHECKING

from engine.answer_recorder import AnswerRecorder
from engine.bundle_paths import find_bundle
from engine.conversation_text import title_of, turns_of
from engine.database import newer_version
from engine.document_refusal import without_notice
from engine.documents.answering.finding import Finder, find_and_answer
from engine.documents.answering.sources import DocumentScope
from engine.errors import GenerationError, StoreError
from engine.events import (
    Cancelled,
    CitationsMarked,
    ContextReduced,
    ContextTrimmed,
    Done,
    Event,
    Failed,
    ModelFailed,
    ModelLoaded,
    ModelLoading,
    PrefillProgress,
    SourcesFound,
    Started,
    Token,
)
from engine.i18n import tr
from engine.model_choice import ModelChoice, ModelLoader
from engine.safe_mode import SuspectedModelError, suspected_models, trust_again
from engine.sampling_params import SamplingChanges, SamplingParams
from engine.settings.answer import AnswerSettings, answer_settings, own_values
from engine.settings.file import Settings
from engine.settings.table import MODEL
from engine.store import Message, Store
from engine.store_salvage import rescue_store
from engine.worker import EngineWorker, converse

if TYPE_CHECKING:
    from engine.answer_steps import Steps

AnswerStep = (
    Started
    | PrefillProgress
    | ContextTrimmed
    | SourcesFound
    | Token
    | CitationsMarked
    | Done
    | Cancelled
    | Failed
)
Sampling = SamplingParams | SamplingChanges | None
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
    `finder` looks into the documents that a question asks (see `send`). `set_aside` names the
    file into which a damaged store was renamed at this start, or is None; `salvaged` says how
    much of it is in the fresh store. Where a newer version wrote the store, `store.read_only` is
    true, and whatever would change it raises StoreError.
    """

    def __init__(
        self,
        store_path: Path,
        listener: Callable[[ChatEvent], None],
        worker_factory: Callable[[Callable[[Event], None]], EngineWorker] = EngineWorker,
        settings: Settings | None = None,
        finder: Finder | None = None,
    ) -> None:
        self._finder = finder
        self.settings = settings or Settings(None)
        self._named_model: Path | None = None
        self._always = False
        self._listener = listener
        self._lock = threading.Lock()  # guards the two collections below
        self._recorders: dict[int, AnswerRecorder] = {}
        self._unsaved: list[Callable[[Store], None]] = []
        self._model: str | None = None  # set and read on the engine's thread
        rescued = rescue_store(store_path)
        self.set_aside = rescued[0] if rescued else None
        self.salvaged = rescued[1] if rescued else None
        self.store = Store(store_path)
        try:
            if not self.store.read_only:
                self.store.recover()
                self.store.purge(deleted_before=time.time() - KEEP_DELETED_SECONDS)
            self._worker = worker_factory(self._on_event)
            self._loader = ModelLoader(self._worker)
            self._suspected = suspected_models()
        except BaseException:
            self.store.close()
            raise

    def store_notice(self) -> str:
        """Say what a person must know about the store at this start; "" where all is well."""
        if self.store.read_only:
            return str(newer_version(self.store.path))
        if self.set_aside is None or self.salvaged is None:
            return ""
        return tr(
            "The stored conversations were damaged. {messages} messages of {conversations} "
            "conversations could be saved; the damaged file is kept in {path}.",
            messages=self.salvaged.messages,
            conversations=self.salvaged.conversations,
            path=self.set_aside,
        )

    @property
    def worker(self) -> EngineWorker:
        """The engine's thread, whose one queue others may use as well (see engine.api)."""
        return self._worker

    def load_model(self, path: Path, *, always: bool = False) -> int:
        """Begin to open the bundle at `path`; returns the request_id of the events about it.

        Until the service is closed it answers wherever a conversation names no model of its
        own, or (`always`) everywhere. A model that was suspected (see `choice`) is trusted again.
        """
        self._named_model, self._always = path, always
        self._trust(path)
        defaults = answer_settings(self.settings, {})
        return self._loader.load(
            ModelChoice(path=path, threads=defaults.threads, context_length=defaults.context_length)
        )

    def load_for(self, conversation_id: int | None) -> bool:
        """Begin to open the model that a conversation wants (None: the default one).

        Tells whether that was needed. Raises BundleError if it is not installed, and StoreError.
        """
        return self._loader.ensure(self.choice(conversation_id)[0])

    def use_by_default(self, name: str | None) -> None:
        """Let an installed model (None: ours) answer where a conversation names no other.

        Raises SettingsError if that cannot be kept.
        """
        self.settings.set(MODEL, name)
        self._named_model = None

    def trust_again(self, conversation_id: int | None) -> None:
        """Let the model that a conversation wants be loaded, though a process died with it."""
        self._trust(self.choice(conversation_id, suspected=True)[0].path)

    def choice(
        self, conversation_id: int | None, *, suspected: bool = False
    ) -> tuple[ModelChoice, AnswerSettings]:
        """Return what the next answer of a conversation uses. Raises as `load_for`.

        A model during whose work a process died raises SuspectedModelError, unless `suspected`.
        """
        own = {} if conversation_id is None else own_values(self.store, conversation_id)
        chosen = answer_settings(self.settings, own)
        path = self._named_model if self._always or MODEL.name not in own else None
        choice = ModelChoice(
            path=path or find_bundle(chosen.model),
            threads=chosen.threads,
            context_length=chosen.context_length,
        )
        if choice.path in self._suspected and not suspected:
            raise SuspectedModelError(choice.path)
        return choice, chosen

    def send(
        self,
        conversation_id: int,
        text: str,
        params: Sampling = None,
        documents: DocumentScope | None = None,
    ) -> tuple[Message, Message]:
        """Store the user's `text` and an empty answer below it, and begin to answer.

        What `params` leaves open is as the settings of the conversation say, its model included,
        which is opened first if it is not in use. Returns both messages. Raises, with nothing
        stored, StoreError if the disk refuses them, BundleError if the model is not installed,
        and GenerationError for an empty text or while the conversation is being answered.

        `documents` are searched for the answer, which then cites them: SourcesFound and
        CitationsMarked come among its events, and `sources` of the stored answer hold what
        `Sources.from_json` reads. Later versions of question and answer ask the same documents.
        """
        _require_text(text)
        self._require_quiet(conversation_id)
        choice = self.choice(conversation_id)
        with self.store.transaction():
            conversation = self.store.conversation(conversation_id)
            branch = self.store.thread(conversation_id)
            parent_id = branch[-1].id if branch else None
            user, assistant = self._add_question(conversation_id, text, parent_id, documents)
            self.store.set_draft(conversation_id, "")
            if not branch and not conversation.title:
                self.store.rename(conversation_id, title_of(text))
        self._answer(assistant, choice, params)
        return user, assistant

    def edit_question(
        self,
        message_id: int,
        text: str,
        params: Sampling = None,
        documents: DocumentScope | None = None,
    ) -> tuple[Message, Message]:
        """Store `text` as a new version of a user's message and begin to answer it.

        Without `documents` from those that the old version asked, if it did.
        Returns both new messages; what followed the old version stays below it. Raises as
        `send`, and GenerationError for an answer.
        """
        _require_text(text)
        old = self.store.message(message_id)
        if old.role != "user":
            raise GenerationError("Only your own messages can be sent again in other words.")
        self._require_quiet(old.conversation_id)
        choice = self.choice(old.conversation_id)
        with self.store.transaction():
            scope = documents or _scope(old)
            user, assistant = self._add_question(old.conversation_id, text, old.parent_id, scope)
        self._answer(assistant, choice, params)
        return user, assistant

    def edit_answer(self, message_id: int, text: str) -> Message:
        """Store `text` as a new version of an answer and return it; the model is not asked.

        What followed the old version stays below it. Raises as `send`.
        """
        _require_text(text)
        old = self._answer_at(message_id)
        self._require_quiet(old.conversation_id)
        return self.store.add_message(
            old.conversation_id, "assistant", text, parent_id=old.parent_id
        )

    def regenerate(self, message_id: int, params: Sampling = None) -> Message:
        """Begin another answer beside the one named, or to the user's message named.

        Returns the empty answer, a new version of the old one. Raises as `send`.
        """
        question = self.store.message(message_id)
        self._require_quiet(question.conversation_id)
        # Answers of several parts come with imports; the new one is beside the first part.
        while question.role != "user":
            if question.parent_id is None:
                raise GenerationError("There is no message to answer.")
            question = self.store.message(question.parent_id)
        choice = self.choice(question.conversation_id)
        assistant = self.store.add_message(
            question.conversation_id, "assistant", "", parent_id=question.id, status="streaming"
        )
        self._answer(assistant, choice, params)
        return assistant

    def continue_answer(self, message_id: int, params: Sampling = None) -> Message:
        """Let the model go on with an answer that was stopped or too long.

        Returns a new version of it, which holds the old text already; the pieces that follow
        are added to that. One from documents is searched for anew. Raises as `send`.
        """
        old = self._answer_at(message_id)
        self._require_quiet(old.conversation_id)
        choice = self.choice(old.conversation_id)
        assistant = self.store.add_message(
            old.conversation_id,
            "assistant",
            without_notice(old.content),
            parent_id=old.parent_id,
            status="streaming",
        )
        self._answer(assistant, choice, params)
        return assistant

    def show_version(self, message_id: int) -> None:
        """Show the branch through a message, as it was shown last. Raises as `send`."""
        self._require_quiet(self.store.message(message_id).conversation_id)
        self.store.show_version(message_id)

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

    def _trust(self, path: Path) -> None:
        self._suspected.discard(path)
        trust_again(path)

    def _require_quiet(self, conversation_id: int) -> None:
        """Raise GenerationError while a conversation is being answered."""
        if self.running_answer(conversation_id) is not None:
            raise GenerationError("An answer is still being written. Wait for it, or stop it.")
        self._save_unsaved()

    def _answer_at(self, message_id: int) -> Message:
        message = self.store.message(message_id)
        if message.role != "assistant":
            raise GenerationError("This message is not an answer.")
        return message

    def _add_question(
        self,
        conversation_id: int,
        text: str,
        parent_id: int | None,
        documents: DocumentScope | None,
    ) -> tuple[Message, Message]:
        user = self.store.add_message(
            conversation_id,
            "user",
            text,
            parent_id=parent_id,
            sources=documents.to_json() if documents else None,
        )
        assistant = self.store.add_message(
            conversation_id, "assistant", "", parent_id=user.id, status="streaming"
        )
        return user, assistant

    def _answer(
        self, assistant: Message, choice: tuple[ModelChoice, AnswerSettings], params: Sampling
    ) -> None:
        """Begin to fill an answer that is stored and shown."""
        model, chosen = choice
        thread = self.store.thread(assistant.conversation_id)
        steps = self._steps(thread, chosen)
        if not isinstance(params, SamplingParams):
            params = {**chosen.sampling, **(params or {})}
        self._loader.ensure(model)
        # Under the lock, so that no event of the answer comes before its recorder is known.
        with self._lock:
            request_id = self._worker.answer(steps, params, model=model.path)
            self._recorders[request_id] = AnswerRecorder(
                self.store.path, assistant, partial(self._on_refused, assistant)
            )

    def _steps(self, thread: list[Message], chosen: AnswerSettings) -> "Steps":
        """Return how the last message of a thread, an empty answer or one begun, is filled."""
        question = thread[-2] if len(thread) > 1 else thread[-1]
        scope = _scope(question)
        if scope is None or self._finder is None:
            return partial(converse, turns_of(chosen.system_prompt, thread))
        earlier = [message.content for message in thread[:-2] if message.role == "user"]
        find = partial(self._finder.find, question.content, earlier, scope)
        begun = thread[-1].content
        return partial(find_and_answer, find, scope.mode, chosen.system_prompt, begun)

    def _on_event(self, event: Event) -> None:
        """Runs on the engine's thread."""
        if isinstance(event, ModelEvent):
            if isinstance(event, ModelLoaded):
                self._model = event.name
            elif isinstance(event, ModelFailed):
                self._loader.forget_failed(event.request_id)
            self._listener(event)
            return
        with self._lock:
            recorder = self._recorders[event.request_id]
        if isinstance(event, Token):
            recorder.add(event.text, self._model)
        elif isinstance(event, CitationsMarked):
            recorder.mark(event.text, event.sources)
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


def _scope(question: Message) -> DocumentScope | None:
    """Return the documents that a user's message asks, if it does."""
    if question.role != "user" or question.sources is None:
        return None
    return DocumentScope.from_json(question.sources)


def _require_text(text: str) -> None:
    if not text.strip():
        raise GenerationError("Type a message first.")
