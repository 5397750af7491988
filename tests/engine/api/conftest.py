"""A server on a tiny model, and the official client before it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from openai import OpenAI

import engine.answer_steps
from engine.api.server import ApiServer
from engine.events import Event, ModelLoaded, Started, Token
from engine.worker import EngineWorker

KEY = "geb-" + "k" * 43


class CountingWorker(EngineWorker):
    """A real engine that counts what it was asked."""

    asked = 0

    def generate(self, *arguments: Any, **options: Any) -> int:
        self.asked += 1
        return super().generate(*arguments, **options)


class Serving:
    """A server with a worker of its own."""

    def __init__(self, bundle: Path | None, max_requests: int = 8) -> None:
        self.events: SimpleQueue[Event] = SimpleQueue()
        self.worker = CountingWorker(self.events.put)
        self.key = KEY
        self.server = ApiServer(self.worker, KEY, 0, max_requests=max_requests)
        if bundle is not None:
            self.load(bundle)
        self.server.start()

    def load(self, bundle: Path) -> None:
        self.worker.load(bundle, num_threads=1)
        while not isinstance(self.events.get(timeout=30), ModelLoaded):
            pass

    @property
    def port(self) -> int:
        assert self.server.address is not None
        return int(self.server.address.rsplit(":", 1)[1].removesuffix("/v1"))

    def client(self, **changes: Any) -> OpenAI:
        """Return a client that gives up at the first failure."""
        options = {"api_key": KEY, "base_url": self.server.address, "max_retries": 0, "timeout": 30}
        return OpenAI(**options | changes)

    def close(self) -> None:
        self.server.stop()
        self.worker.close()


class Slowly:
    """Answers that take 20 ms for each token, and what became of them."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.ended: list[int] = []
        self.tokens: dict[int, int] = {}
        self.at_once = 0
        """The most answers at one time."""
        self.first_token = threading.Event()
        self._generate = engine.answer_steps.generate

    def __call__(self, *arguments: Any, **options: Any) -> Iterator[Event]:
        number = options["request_id"]
        try:
            for event in self._generate(*arguments, **options):
                if isinstance(event, Started):
                    self.begun.append(number)
                    self.tokens[number] = 0
                    self.at_once = max(self.at_once, len(self.begun) - len(self.ended))
                yield event
                if isinstance(event, Token):
                    self.tokens[number] += 1
                    self.first_token.set()
                    threading.Event().wait(0.02)
        finally:
            self.ended.append(number)


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> Slowly:
    slowly = Slowly()
    monkeypatch.setattr(engine.answer_steps, "generate", slowly)
    return slowly


@pytest.fixture
def serve(tiny_bundle: Path) -> Iterator[Callable[..., Serving]]:
    """Return a function that starts a server; nothing may be left of it."""
    with ExitStack() as stack:

        def start(bundle: Path | None = tiny_bundle, **options: int) -> Serving:
            serving = Serving(bundle, **options)
            stack.callback(serving.close)
            return serving

        yield start
    assert not [t for t in threading.enumerate() if t.name in ("api", "engine")]


@pytest.fixture(scope="module")
def serving(tiny_bundle: Path) -> Iterator[Serving]:
    """A server that the tests of a file share."""
    serving = Serving(tiny_bundle)
    yield serving
    serving.close()
