"""From the server's event loop to the engine's queue and back."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

from engine.api.chat_request import ChatRequest, quoted
from engine.api.errors import ApiError
from engine.errors import BundleError, ContextError, GebError
from engine.events import (
    Cancelled,
    ContextTrimmed,
    Done,
    Event,
    Failed,
    ModelLoaded,
    Started,
    Token,
)
from engine.worker import EngineWorker


class Answers:
    """The requests of the server that the engine has not finished, at most `limit` of them."""

    def __init__(self, worker: EngineWorker, limit: int) -> None:
        self._worker = worker
        self._limit = limit
        self._lock = threading.Lock()  # guards the two below; taken before the worker's own
        self._open: dict[Answer, int] = {}
        self._closed = False

    def model(self) -> ModelLoaded:
        """Return the model in use. Raises ApiError if there is none yet."""
        if self._worker.loaded is None:
            raise ApiError(
                "The model is not loaded yet. Try again in a moment.",
                status=503,
                code="model_not_loaded",
            )
        return self._worker.loaded

    def known_model(self, name: str) -> ModelLoaded:
        """Return the model in use if that is its name. Raises ApiError."""
        loaded = self.model()
        if name != loaded.name:
            raise ApiError(
                "There is no model {name} here; the one in use is {model}.",
                name=quoted(name),
                model=loaded.name,
                status=404,
                code="model_not_found",
                param="model",
            )
        return loaded

    def ask(self, request: ChatRequest) -> "Answer":
        """Put a request on the engine's queue; call on the event loop. Raises ApiError."""
        loaded = self.known_model(request.model)
        params = loaded.generation.params(**request.sampling)
        answer = Answer(self._worker, loaded, self._forget)
        with self._lock:
            if self._closed:
                raise _stopped()
            if len(self._open) >= self._limit:
                raise ApiError(
                    "{count} requests are waiting already. Try again later.",
                    count=len(self._open),
                    status=429,
                    code="queue_full",
                )
            # Under the lock, so that no answer ends before it is known.
            self._open[answer] = self._worker.generate(
                request.messages, params, on_event=answer.post
            )
        return answer

    def cancel(self, answer: "Answer") -> None:
        """Stop an answer; one that has ended is left alone."""
        with self._lock:
            if answer in self._open:
                self._worker.cancel(self._open[answer])

    def close(self) -> None:
        """Stop every answer and refuse new ones; call from any thread."""
        with self._lock:
            self._closed = True
            for request_id in self._open.values():
                self._worker.cancel(request_id)

    def _forget(self, answer: "Answer") -> None:
        with self._lock:
            del self._open[answer]


class Answer:
    """One answer on its way. `post` belongs to the engine's thread, the rest to the event loop."""

    def __init__(
        self, worker: EngineWorker, model: ModelLoaded, on_end: Callable[["Answer"], None]
    ) -> None:
        self.model = model
        self._worker = worker
        self._on_end = on_end
        self._model_changed = False
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event] = asyncio.Queue()

    def post(self, event: Event) -> None:
        """Take an event of the engine."""
        if isinstance(event, Started) and self._worker.loaded is not self.model:
            self._model_changed = True
            self._worker.cancel(event.request_id)
        if isinstance(event, Done | Cancelled | Failed):
            self._on_end(self)
        with suppress(RuntimeError):  # the loop has gone, and with it whoever asked
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    async def begin(self) -> None:
        """Wait until the model begins to read the prompt. Raises ApiError if it does not."""
        while not isinstance(await self._next(), Started):
            pass

    async def parts(self) -> AsyncIterator[Token | Done]:
        """Yield the text as it comes, then how it ended. Raises ApiError if it is cut short."""
        event: Event | None = None
        while not isinstance(event, Done):
            event = await self._next()
            if isinstance(event, Token | Done):
                yield event

    async def _next(self) -> Event:
        event = await self._events.get()
        match event:
            case ContextTrimmed(dropped_messages=dropped):
                raise ApiError(
                    "The conversation is too long for the model: its {count} oldest messages do "
                    "not fit. Leave them out.",
                    count=dropped,
                    code="context_length_exceeded",
                    param="messages",
                )
            case Failed(error=error):
                raise _as_api_error(error)
            case Cancelled() if self._model_changed:
                raise ApiError(
                    "Another model was chosen while the request was waiting. Send it again.",
                    status=503,
                    code="model_changed",
                )
            case Cancelled():
                raise _stopped()
        return event


def _as_api_error(error: GebError) -> ApiError:
    """Tell a conversation that cannot be answered from an engine that fails."""
    values: dict[str, Any] = error.values
    if isinstance(error, ContextError):
        return ApiError(error.message, code="context_length_exceeded", param="messages", **values)
    if isinstance(error, BundleError):  # the model's template refuses such a conversation
        return ApiError(error.message, code="invalid_messages", param="messages", **values)
    return ApiError(error.message, status=500, code="engine_failed", **values)


def _stopped() -> ApiError:
    return ApiError(
        "The server is closing, so the answer was stopped.", status=503, code="server_closing"
    )
