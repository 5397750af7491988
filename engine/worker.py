"""The one thread that owns the model. Requests go in by a queue, events come out by a callback."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from time import perf_counter
from typing import TYPE_CHECKING

from engine.errors import BundleError, GebError, GenerationError
from engine.events import (
    Cancelled,
    ContextReduced,
    Event,
    Failed,
    ModelFailed,
    ModelLoaded,
    ModelLoading,
    Usage,
)
from engine.freed_memory import give_back
from engine.priority import yield_to_other_threads
from engine.safe_mode import native_work
from engine.sampling_params import SamplingChanges, SamplingParams

if TYPE_CHECKING:
    # Loaded on the engine's thread when a model is: a window opens before numpy, onnxruntime,
    # the tokenizers and the templates are there.
    from engine.answer_steps import ModelInUse, Steps
    from engine.bundle import Bundle
    from engine.chat_template import Message
    from engine.model import Model

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Request:
    request_id: int
    on_event: Callable[[Event], None]
    cancelled: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, kw_only=True)
class _Load(_Request):
    path: Path
    verify: bool | None
    num_threads: int | None
    context_length: int | None


@dataclass(frozen=True, kw_only=True)
class _Generate(_Request):
    steps: "Steps"
    params: SamplingParams | SamplingChanges | None
    model: Path | None


class EngineWorker:
    """Loads models and answers conversations in the background, one request at a time, in order.

    All methods may be called from any thread and return at once, but for `close`. A listener
    is called on the worker's thread, possibly before the method that caused the event
    returns. Every accepted request ends with exactly one of ModelLoaded, ModelFailed, Done,
    Cancelled and Failed. Nothing that goes wrong ends the thread. With `yields` the computing
    leaves the processor to a window first (see engine.priority).
    """

    def __init__(self, on_event: Callable[[Event], None], *, yields: bool = False) -> None:
        self._on_event = on_event
        self._yields = yields
        self._ids = count(1)
        self._queue: SimpleQueue[_Load | _Generate | None] = SimpleQueue()
        self._open: dict[int, _Request] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._bundle: Bundle | None = None
        self._model: Model | None = None
        self._answering: _Generate | None = None
        self._loaded: ModelLoaded | None = None
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def load(
        self,
        path: Path,
        *,
        verify: bool | None = None,
        num_threads: int | None = None,
        context_length: int | None = None,
    ) -> int:
        """Replace the model in use by the bundle at `path`; if that fails it stays in use.

        See open_bundle and Model for the options. Returns the request's id.
        """
        return self._submit(
            _Load(
                request_id=next(self._ids),
                on_event=self._on_event,
                path=path,
                verify=verify,
                num_threads=num_threads,
                context_length=context_length,
            )
        )

    @property
    def loaded(self) -> ModelLoaded | None:
        """What was said of the model in use, the same object until another takes its place."""
        return self._loaded

    def generate(
        self,
        messages: "Sequence[Message]",
        params: SamplingParams | SamplingChanges | None = None,
        *,
        model: Path | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> int:
        """Answer a conversation; what `params` leaves open is as the model recommends.

        With `model` only the bundle at that path may answer, not one that stayed in use because
        that could not be loaded. If the last message is an answer, the model goes on with that.
        The events go to `on_event`, if it is given, instead of the worker's listener. Returns
        the request's id.
        """
        return self.answer(
            partial(converse, list(messages)), params, model=model, on_event=on_event
        )

    def answer(
        self,
        steps: "Steps",
        params: SamplingParams | SamplingChanges | None = None,
        *,
        model: Path | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> int:
        """Run `steps` on the worker's thread, which lends them the model; else as `generate`."""
        return self._submit(
            _Generate(
                request_id=next(self._ids),
                on_event=on_event or self._on_event,
                steps=steps,
                params=params,
                model=model,
            )
        )

    def cancel(self, request_id: int) -> None:
        """End a request at once, or before it begins; a finished one is left alone.

        A load that has begun is not interrupted.
        """
        with self._lock:
            if request := self._open.get(request_id):
                self._cancel(request)

    def close(self) -> None:
        """Cancel everything, wait for the thread to end and free the model. May be repeated."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
            for request in self._open.values():
                self._cancel(request)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _cancel(self, request: _Request) -> None:
        """End a request; the caller holds the lock."""
        request.cancelled.set()
        # Does not wait for the end of a long chunk of the prompt.
        if request is self._answering and self._model is not None:
            self._model.interrupt()

    def _submit(self, request: _Load | _Generate) -> int:
        with self._lock:
            if self._closed:
                raise RuntimeError("the engine is closed")
            self._open[request.request_id] = request
            self._queue.put(request)
        return request.request_id

    def _run(self) -> None:
        if self._yields:
            yield_to_other_threads()
        while (request := self._queue.get()) is not None:
            try:
                self._handle(request)
            except GebError as error:
                self._fail(request, error)
            except Exception:
                _logger.exception("request %d failed", request.request_id)
                self._fail(
                    request,
                    GenerationError("Something unexpected went wrong; the log has the details."),
                )
            with self._lock:
                del self._open[request.request_id]
        if self._model is not None:
            self._model.close()

    def _handle(self, request: _Load | _Generate) -> None:
        if isinstance(request, _Load):
            self._load(request)
        elif request.cancelled.is_set():
            self._emit(request, Cancelled(request.request_id, Usage(0, 0, 0.0, 0.0, 0)))
        else:
            with self._answers(request):
                self._generate(request)

    @contextmanager
    def _answers(self, request: _Generate) -> Iterator[None]:
        """Let `cancel` interrupt the model while this request uses it."""
        with self._lock:
            self._answering = request
        try:
            yield
        finally:
            with self._lock:
                self._answering = None
                if self._model is not None:
                    self._model.resume()

    def _fail(self, request: _Load | _Generate, error: GebError) -> None:
        _logger.info("request %d failed: %s", request.request_id, error.message, exc_info=error)
        # The frames of a traceback would keep a half-loaded model in memory.
        error.__traceback__ = error.__cause__ = error.__context__ = None
        failure = ModelFailed if isinstance(request, _Load) else Failed
        self._emit(request, failure(request.request_id, error))

    def _emit(self, request: _Request, event: Event) -> None:
        try:
            request.on_event(event)
        except Exception:
            _logger.exception("the listener failed on %s", type(event).__name__)

    def _load(self, request: _Load) -> None:
        if request.cancelled.is_set():
            raise BundleError("The model was not loaded: the request was cancelled.")
        from engine.bundle import open_bundle
        from engine.model import Model

        started = perf_counter()
        self._emit(request, ModelLoading(request.request_id, request.path))
        bundle = open_bundle(request.path, verify=request.verify)
        with native_work(bundle.path):
            model = Model(
                bundle, num_threads=request.num_threads, context_length=request.context_length
            )
        replaces = self._model is not None
        if self._model is not None:
            self._model.close()
        self._bundle, self._model = bundle, model
        wanted, length = model.wanted_context_length, model.context_length
        if length < wanted:
            self._emit(request, ContextReduced(request.request_id, wanted, length))
        seconds = perf_counter() - started
        self._loaded = ModelLoaded(
            request.request_id, bundle.name, length, seconds, bundle.generation
        )
        self._emit(request, self._loaded)
        if replaces:
            give_back()

    def _generate(self, request: _Generate) -> None:
        if self._model is None or self._bundle is None:
            raise GenerationError("No model is loaded, so there is nobody to answer.")
        from engine.answer_steps import ModelInUse

        if request.model is not None and request.model != self._bundle.path:
            raise GenerationError(
                "The model {name} could not be loaded, so it cannot answer.",
                name=request.model.name,
            )
        params = request.params
        if not isinstance(params, SamplingParams):
            params = self._bundle.generation.params(**(params or {}))
        in_use = ModelInUse(
            self._model, self._bundle, params, request.request_id, request.cancelled.is_set
        )
        with native_work(self._bundle.path):
            for event in request.steps(in_use):
                self._emit(request, event)


def converse(messages: "Sequence[Message]", in_use: "ModelInUse") -> Iterator[Event]:
    """Answer a conversation, or go on with the answer that it ends with: steps for `answer`."""
    from engine import answer_steps

    return answer_steps.converse(messages, in_use)
