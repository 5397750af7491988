"""The thread that owns the model: in order, cancellable, and never gone."""

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from queue import Queue

import numpy as np
import pytest

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
from engine.worker import EngineWorker
from export.weights import RandomWeights

_LAST = (Done, Cancelled, Failed, ModelLoaded, ModelFailed)
_PATIENCE = 30.0
_LONG = SamplingParams(temperature=0, max_new_tokens=300)
_SHORT = SamplingParams(temperature=0, max_new_tokens=4)
_HELLO = [{"role": "user", "content": "你好"}]


def _ignore(_event: Event) -> None:
    """React to nothing."""


class Engine:
    """A worker and everything that it said."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.react: Callable[[Event], None] = _ignore
        self._arrived: Queue[Event] = Queue()
        self.worker = EngineWorker(self._listen)

    def _listen(self, event: Event) -> None:
        self.events.append(event)
        try:
            self.react(event)
        finally:
            self._arrived.put(event)

    def end_of(self, request_id: int) -> Event:
        """Wait until a request has ended; return its last event."""
        while True:
            event = self._arrived.get(timeout=_PATIENCE)
            if event.request_id == request_id and isinstance(event, _LAST):
                return event

    def of(self, request_id: int) -> list[Event]:
        return [event for event in self.events if event.request_id == request_id]


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.worker.close()


@pytest.fixture
def loaded(engine: Engine, tiny_bundle: Path) -> Engine:
    assert isinstance(engine.end_of(engine.worker.load(tiny_bundle, num_threads=1)), ModelLoaded)
    return engine


def test_loading_and_answering(engine: Engine, tiny_bundle: Path) -> None:
    load = engine.worker.load(tiny_bundle, num_threads=1)
    answer = engine.worker.generate(_HELLO, _SHORT)
    done = engine.end_of(answer)
    loading, loaded = engine.of(load)
    assert loading == ModelLoading(load, tiny_bundle)
    assert isinstance(loaded, ModelLoaded)
    assert (loaded.name, loaded.context_length) == ("tiny", 512)
    assert loaded.generation.params().top_k == 20
    assert isinstance(done, Done)
    assert done.usage.completion_tokens == 4
    kinds = [type(event) for event in engine.of(answer)]
    assert kinds[:2] == [Started, PrefillProgress]
    assert kinds[-1] is Done


def test_without_parameters_the_models_own_settings_hold(loaded: Engine) -> None:
    request = loaded.worker.generate(_HELLO)
    assert isinstance(loaded.end_of(request), Done)


def test_answering_before_a_model_is_loaded(engine: Engine, tiny_bundle: Path) -> None:
    failed = engine.end_of(engine.worker.generate(_HELLO, _SHORT))
    assert isinstance(failed, Failed)
    assert str(failed.error) == "No model is loaded, so there is nobody to answer."
    engine.worker.load(tiny_bundle)
    assert isinstance(engine.end_of(engine.worker.generate(_HELLO, _SHORT)), Done)


def test_a_failed_load_leaves_the_model_in_use(
    loaded: Engine, tiny_bundle: Path, tmp_path: Path
) -> None:
    damaged = Path(shutil.copytree(tiny_bundle, tmp_path / "damaged"))
    (damaged / "model.onnx.data").write_bytes(b"")
    for path in (tmp_path / "nowhere", damaged):
        failed = loaded.end_of(loaded.worker.load(path))
        assert isinstance(failed, ModelFailed)
        assert path.name in str(failed.error)
        assert failed.error.__traceback__ is None
        assert isinstance(loaded.end_of(loaded.worker.generate(_HELLO, _SHORT)), Done)


def test_requests_run_in_order_and_do_not_mix(loaded: Engine) -> None:
    requests = [loaded.worker.generate(_HELLO, _SHORT) for _ in range(5)]
    loaded.end_of(requests[-1])
    order = [event.request_id for event in loaded.events if event.request_id in requests]
    assert order == sorted(order)
    texts = {
        "".join(event.text for event in loaded.of(request) if isinstance(event, Token))
        for request in requests
    }
    assert len(texts) == 1


def test_cancel_takes_effect_within_one_token(loaded: Engine) -> None:
    def cancel_at_third(event: Event) -> None:
        tokens = [e for e in loaded.of(event.request_id) if isinstance(e, Token)]
        if len(tokens) == 3:
            loaded.worker.cancel(event.request_id)

    loaded.react = cancel_at_third
    request = loaded.worker.generate(_HELLO, _LONG)
    cancelled = loaded.end_of(request)
    assert isinstance(cancelled, Cancelled)
    assert sum(isinstance(event, Token) for event in loaded.of(request)) == 3
    assert cancelled.usage.completion_tokens >= 3
    loaded.react = _ignore
    assert isinstance(loaded.end_of(loaded.worker.generate(_HELLO, _SHORT)), Done)


def test_cancel_does_not_wait_for_the_prompt_to_be_read(loaded: Engine) -> None:
    """The interruption of one answer never reaches the next."""
    long = [{"role": "user", "content": "一二三四 once upon a time " * 18}]
    for _ in range(10):
        request = loaded.worker.generate(long, _SHORT)
        loaded.worker.cancel(request)
        assert isinstance(loaded.end_of(request), Cancelled | Done)
        following = loaded.worker.generate(_HELLO, _SHORT)
        loaded.worker.cancel(request)
        assert isinstance(loaded.end_of(following), Done)


def test_cancel_from_outside_and_of_waiting_requests(loaded: Engine) -> None:
    running = threading.Event()
    go_on = threading.Event()

    def hold(event: Event) -> None:
        if isinstance(event, Token) and not running.is_set():
            running.set()
            assert go_on.wait(_PATIENCE)

    loaded.react = hold
    first = loaded.worker.generate(_HELLO, _LONG)
    second = loaded.worker.generate(_HELLO, _LONG)
    load = loaded.worker.load(Path("/nowhere"))
    third = loaded.worker.generate(_HELLO, _SHORT)
    assert running.wait(_PATIENCE)
    for request in (first, second, load, 12345):
        loaded.worker.cancel(request)
    go_on.set()
    assert isinstance(loaded.end_of(third), Done)
    assert isinstance(loaded.of(first)[-1], Cancelled)
    (cancelled,) = loaded.of(second)
    assert isinstance(cancelled, Cancelled)
    assert cancelled.usage.context_used == 0
    (not_loaded,) = loaded.of(load)
    assert isinstance(not_loaded, ModelFailed)
    assert "cancelled" in str(not_loaded.error)


def test_an_unexpected_error_is_one_sentence_and_the_thread_lives(
    loaded: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    without_content = [{"role": "user"}]
    failed = loaded.end_of(loaded.worker.generate(without_content, _SHORT))
    assert isinstance(failed, Failed)
    assert str(failed.error) == "Something unexpected went wrong; the log has the details."
    assert "KeyError" in caplog.text
    assert isinstance(loaded.end_of(loaded.worker.generate(_HELLO, _SHORT)), Done)


def test_a_listener_that_fails_is_logged_and_the_thread_lives(
    loaded: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: Event) -> None:
        raise RuntimeError("the window is gone")

    loaded.react = fail
    request = loaded.worker.generate(_HELLO, _SHORT)
    assert isinstance(loaded.end_of(request), Done)
    assert "the window is gone" in caplog.text


def test_a_model_of_no_numbers_fails_and_the_next_one_answers(
    engine: Engine,
    tmp_path: Path,
    tiny_bundle: Path,
    build_bundle: Callable[..., Path],
    tiny_config,
) -> None:
    random = RandomWeights(tiny_config)
    broken = build_bundle(tmp_path / "nan", weights=lambda name: random(name) * np.float32("nan"))
    engine.worker.load(broken)
    failed = engine.end_of(engine.worker.generate(_HELLO, _SHORT))
    assert isinstance(failed, Failed)
    assert "no number" in str(failed.error)
    engine.worker.load(tiny_bundle)
    assert isinstance(engine.end_of(engine.worker.generate(_HELLO, _SHORT)), Done)


def test_a_long_conversation_loses_its_oldest_turns_and_says_so(loaded: Engine) -> None:
    turn = [{"role": "user", "content": "x" * 150}, {"role": "assistant", "content": "y" * 150}]
    request = loaded.worker.generate([*turn, *turn, *_HELLO], _SHORT)
    assert isinstance(loaded.end_of(request), Done)
    assert loaded.of(request)[0] == ContextTrimmed(request, 2)
    too_long = loaded.end_of(loaded.worker.generate([{"role": "user", "content": "z" * 999}]))
    assert isinstance(too_long, Failed)
    assert "too long" in str(too_long.error)


def test_a_full_context_still_leaves_a_quarter_to_the_answer(loaded: Engine) -> None:
    request = loaded.worker.generate(
        [{"role": "user", "content": "x" * 150}] * 3, replace(_LONG, max_new_tokens=100_000)
    )
    loaded.end_of(request)
    read = [event.total for event in loaded.of(request) if isinstance(event, PrefillProgress)]
    assert read[0] <= 512 * 3 // 4


def test_a_smaller_context_is_announced(
    engine: Engine, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The cache takes 128 bytes a token: two layers of two heads of 16 bytes, keys and values.
    monkeypatch.setattr("engine.model._available_memory", lambda: 128.0 * 300)
    load = engine.worker.load(tiny_bundle)
    assert isinstance(engine.end_of(load), ModelLoaded)
    assert engine.of(load)[1] == ContextReduced(load, wanted=512, context_length=256)


def test_close_while_answering(loaded: Engine) -> None:
    running = threading.Event()
    loaded.react = lambda event: running.set() if isinstance(event, Token) else None
    first = loaded.worker.generate(_HELLO, _LONG)
    second = loaded.worker.generate(_HELLO, _LONG)
    assert running.wait(_PATIENCE)
    loaded.worker.close()
    assert not any(thread.name == "engine" for thread in threading.enumerate())
    assert isinstance(loaded.of(first)[-1], Cancelled | Done)
    assert isinstance(loaded.of(second)[-1], Cancelled)
    loaded.worker.close()
    with pytest.raises(RuntimeError, match="closed"):
        loaded.worker.generate(_HELLO, _SHORT)


def test_close_from_the_listener_does_not_wait_for_itself(loaded: Engine) -> None:
    def close(event: Event) -> None:
        if isinstance(event, Token):
            loaded.worker.close()

    loaded.react = close
    request = loaded.worker.generate(_HELLO, _LONG)
    assert isinstance(loaded.end_of(request), Cancelled)


def test_requests_from_many_threads_all_end(loaded: Engine) -> None:
    requests: Queue[int] = Queue()

    def ask() -> None:
        for i in range(10):
            request = loaded.worker.generate(_HELLO, _SHORT)
            if i % 3 == 0:
                loaded.worker.cancel(request)
            requests.put(request)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    loaded.worker.close()
    for request in requests.queue:
        ends = [event for event in loaded.of(request) if isinstance(event, _LAST)]
        assert len(ends) == 1
