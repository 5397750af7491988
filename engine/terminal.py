"""`geb chat`: the same conversations as the window's, in a terminal."""

import sys
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from engine.bundle_paths import find_bundle
from engine.chat import AnswerEvent, AnswerNotSaved, ChatService
from engine.errors import GebError, GenerationError
from engine.events import (
    Cancelled,
    ContextTrimmed,
    Done,
    Failed,
    ModelLoaded,
    Token,
    Usage,
)
from engine.i18n import tr
from engine.paths import store_path
from engine.safe_mode import require_trusted
from engine.sampling_params import SamplingChanges, SamplingParams
from engine.settings.answer import answer_settings
from engine.settings.file import Settings, open_settings
from engine.store import Conversation, Store
from engine.terminal_commands import command_of, help_text, message_of
from engine.terminal_inbox import Inbox, wait_for_model
from engine.terminal_text import json_for_terminal, notice, printable, say
from engine.worker import EngineWorker


@dataclass(frozen=True, kw_only=True)
class ChatOptions:
    """What the command line says; None leaves a choice to the model or the conversation."""

    model: Path | None = None
    temperature: float | None = None
    seed: int | None = None
    system: str | None = None
    conversation: int | None = None

    def changes(self) -> SamplingChanges:
        """Return what is asked for. Raises GenerationError for values out of range."""
        asked = {"temperature": self.temperature, "seed": self.seed}
        changes = {name: value for name, value in asked.items() if value is not None}
        SamplingParams(**changes)  # type: ignore[arg-type]  # refuses what is out of range
        return changes


@dataclass(frozen=True, kw_only=True)
class _Answer:
    text: str = ""
    finish_reason: str = "error"
    usage: Usage | None = None
    model: str = ""
    error: GebError | None = None

    def as_json(self) -> str:
        values: dict[str, object] = {
            "text": self.text,
            "finish_reason": self.finish_reason,
            "prompt_tokens": self.usage.prompt_tokens if self.usage else 0,
            "completion_tokens": self.usage.completion_tokens if self.usage else 0,
            "prefill_ms": self.usage.prefill_ms if self.usage else 0.0,
            "decode_tokens_per_second": self.usage.decode_tokens_per_second if self.usage else 0.0,
            "model": self.model,
        }
        if self.error is not None:
            values["error"] = str(self.error)
        return json_for_terminal(values)


def answer_once(prompt: str, options: ChatOptions, *, as_json: bool) -> int:
    """Answer `prompt` on stdout; return 0 if the answer came to its end.

    Nothing is stored unless the options name a conversation.
    """
    show = _ignore if as_json else _show
    try:
        if not prompt.strip():
            raise GenerationError("Type a message first.")
        if options.conversation is None:
            answer = _ask_alone(prompt, options, show)
        else:
            answer = _ask_in_conversation(options.conversation, prompt, options, show)
    except GebError as error:
        answer = _Answer(error=error)
    if as_json:
        say(answer.as_json())
    elif answer.text:
        print()
    if answer.error is not None and not as_json:
        notice(answer.error)
    return 0 if answer.finish_reason in ("stop", "length") else 1


def chat(options: ChatOptions) -> int:
    """Read messages line by line and stream the answers, until Ctrl-D or /exit."""
    with suppress(ImportError):
        import readline  # noqa: F401  (its import gives input() editing and a history)
    inbox = Inbox()
    try:
        with closing(ChatService(store_path(), inbox.put, settings=_settings())) as service:
            _tell_trouble(service)
            number = options.conversation
            conversation = None if number is None else _open(service.store, number, options)
            params = options.changes()
            loaded = _load(service, inbox, options)
            _greet(loaded, conversation)
            _converse(service, inbox, params, conversation, options.system or "")
    except GebError as error:
        notice(error)
        return 1
    return 0


def _converse(
    service: ChatService,
    inbox: Inbox,
    params: SamplingChanges,
    conversation: Conversation | None,
    system_prompt: str,
) -> None:
    while (line := _read_line()) is not None:
        command = command_of(line)
        if command in ("/exit", "/quit"):
            break
        if command == "/new":
            _tell_number(conversation)
            conversation = None
            notice(tr("A new conversation begins with your next message."))
            continue
        if command and command != "/regenerate":
            _tell_of(command)
            continue
        try:
            if conversation is None and not command:
                conversation = service.store.create_conversation(system_prompt=system_prompt)
            with inbox.ctrl_c():
                if conversation is None or command:
                    number = _regenerate(service, conversation, params)
                else:
                    number = service.send(conversation.id, message_of(line), params)[1].id
                answer = _receive(inbox, partial(service.stop, number), _show)
        except GebError as error:
            notice(error)
            continue
        print()
        if answer.error is not None:
            notice(answer.error)
        elif answer.finish_reason == "cancelled":
            notice(tr("Stopped."))
    _tell_number(conversation)


def _regenerate(
    service: ChatService, conversation: Conversation | None, params: SamplingChanges
) -> int:
    """Begin to answer the last question anew; return the number of the answer."""
    thread = service.store.thread(conversation.id) if conversation else []
    if not thread:
        raise GenerationError("There is no message to answer.")
    return service.regenerate(thread[-1].id, params).id


def _tell_of(command: str) -> None:
    if command == "/help":
        notice(help_text())
    else:
        notice(tr("Unknown command {command}; /help lists them.", command=command))


def _tell_number(conversation: Conversation | None) -> None:
    if conversation is not None:
        notice(tr("To go on later: geb chat --conversation {number}", number=conversation.id))


def _ask_alone(prompt: str, options: ChatOptions, show: Callable[[str], None]) -> _Answer:
    inbox = Inbox()
    defaults = answer_settings(_settings(), {})
    params = {**defaults.sampling, **options.changes()}
    system = defaults.system_prompt if options.system is None else options.system
    model = options.model or require_trusted(find_bundle(defaults.model))
    with closing(EngineWorker(inbox.put)) as worker:
        worker.load(model, num_threads=defaults.threads, context_length=defaults.context_length)
        loaded = wait_for_model(inbox)
        with inbox.ctrl_c():
            turns = [{"role": "user", "content": prompt}]
            if system:
                turns.insert(0, {"role": "system", "content": system})
            request_id = worker.generate(turns, params)
            answer = _receive(inbox, partial(worker.cancel, request_id), show)
    return replace(answer, model=loaded.name)


def _ask_in_conversation(
    number: int, prompt: str, options: ChatOptions, show: Callable[[str], None]
) -> _Answer:
    inbox = Inbox()
    with closing(ChatService(store_path(), inbox.put, settings=_settings())) as service:
        _tell_trouble(service)
        conversation = _open(service.store, number, options)
        params = options.changes()
        loaded = _load(service, inbox, options)
        with inbox.ctrl_c():
            _, assistant = service.send(conversation.id, prompt, params)
            answer = _receive(inbox, partial(service.stop, assistant.id), show)
    return replace(answer, model=loaded.name)


def _receive(inbox: Inbox, stop: Callable[[], None], show: Callable[[str], None]) -> _Answer:
    """Show the pieces of an answer as they come, and return the whole."""
    pieces: list[str] = []
    while True:
        item = inbox.get()
        match item.event if isinstance(item, AnswerEvent) else item:
            case None:
                stop()
            case Token(text=text):
                pieces.append(text)
                show(text)
            case ContextTrimmed(dropped_messages=dropped):
                notice(
                    tr(
                        "The {count} oldest messages no longer fit and were left out.",
                        count=dropped,
                    )
                )
            case AnswerNotSaved(error=error):
                notice(error)
            case Done(usage=usage, finish_reason=reason):
                return _Answer(text="".join(pieces), finish_reason=reason, usage=usage)
            case Cancelled(usage=usage):
                return _Answer(text="".join(pieces), finish_reason="cancelled", usage=usage)
            case Failed(error=failure):
                return _Answer(text="".join(pieces), error=failure)


def _load(service: ChatService, inbox: Inbox, options: ChatOptions) -> ModelLoaded:
    """Open the model that was named, or that of the conversation, and wait for it."""
    if options.model is None:
        service.load_for(options.conversation)
    else:
        service.load_model(options.model, always=True)
    return wait_for_model(inbox)


def _settings() -> Settings:
    settings = open_settings()
    for problem in settings.problems:
        notice(problem)
    return settings


def _open(store: Store, number: int, options: ChatOptions) -> Conversation:
    conversation = store.conversation(number)
    if options.system is not None:
        store.set_system_prompt(number, options.system)
    return conversation


def _tell_trouble(service: ChatService) -> None:
    if trouble := service.store_notice():
        notice(trouble)


def _greet(loaded: ModelLoaded, conversation: Conversation | None) -> None:
    if conversation is not None:
        notice(
            tr("Conversation {number}: {title}", number=conversation.id, title=conversation.title)
        )
    notice(
        tr(
            "{model} is ready. Ctrl-C stops an answer, Ctrl-D leaves, /help lists the commands.",
            model=loaded.name,
        )
    )


def _read_line() -> str | None:
    """Return the next line that is not empty, or None when the user leaves."""
    while True:
        try:
            line = input("> " if sys.stdin.isatty() else "").strip()
        except EOFError:
            print()
            return None
        except KeyboardInterrupt:
            print()
            continue
        if line:
            return line


def _show(text: str) -> None:
    print(printable(text), end="", flush=True)


def _ignore(_text: str) -> None:
    """Show nothing yet."""
