"""One queue for everybody, and nobody who has left holds it up."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from openai import APIError, APITimeoutError, InternalServerError, OpenAI, RateLimitError

from engine.api.server import ApiServer
from engine.chat import AnswerEvent, ChatService
from engine.events import Done, ModelLoaded

HELLO: list[Any] = [{"role": "user", "content": "你好"}]
_PATIENCE = 20.0


def ask(client: OpenAI, tokens: int = 3, **options: Any) -> Any:
    return client.chat.completions.create(
        model="tiny", messages=HELLO, max_tokens=tokens, seed=1, **options
    )


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_closing_a_stream_frees_the_queue(serve: Any, slowly: Any) -> None:
    serving = serve(max_requests=1)
    with serving.client() as client:
        stream = ask(client, 400, stream=True)
        next(iter(stream))
        with pytest.raises(RateLimitError):
            ask(client)
        assert slowly.ended == []
        started = time.monotonic()
        stream.close()
        wait_until(lambda: len(slowly.ended) == 1)
        assert time.monotonic() - started < 3
        assert max(slowly.tokens.values()) < 100
        assert ask(client).usage.completion_tokens == 3


def test_a_client_that_no_longer_waits_is_not_answered(serve: Any, slowly: Any) -> None:
    serving = serve()
    with serving.client() as client:
        stream = ask(client, 400, stream=True)
        next(iter(stream))
        with pytest.raises(APITimeoutError):
            ask(client.with_options(timeout=0.3), 77)
        stream.close()
        assert ask(client).usage.completion_tokens == 3
    # The one in the middle never began.
    assert len(slowly.begun) == 2


def test_two_clients_are_answered_in_order(serve: Any, slowly: Any) -> None:
    serving = serve()
    with ThreadPoolExecutor() as pool, serving.client() as one, serving.client() as two:
        first = pool.submit(ask, one, 30)
        assert slowly.first_token.wait(_PATIENCE)
        second = pool.submit(ask, two, 5)
        assert second.result().usage.completion_tokens == 5
        assert first.result().usage.completion_tokens == 30
    # The last client may have its answer before the worker has put its work away.
    wait_until(lambda: len(slowly.ended) == 2)
    assert slowly.begun == slowly.ended == sorted(slowly.begun)
    assert slowly.at_once == 1


def test_only_so_many_may_wait(serve: Any, slowly: Any) -> None:
    serving = serve(max_requests=2)
    with ThreadPoolExecutor() as pool, serving.client() as client:
        answers = [pool.submit(ask, client, 25), pool.submit(ask, client, 25)]
        wait_until(lambda: serving.worker.asked == 2)
        with pytest.raises(RateLimitError) as refused:
            ask(client)
        assert refused.value.code == "queue_full"
        assert refused.value.body["message"] == "2 requests are waiting already. Try again later."  # type: ignore[index]
        # The client's own second and third try come through.
        assert ask(client.with_options(max_retries=6)).usage.completion_tokens == 3
        assert [answer.result().usage.completion_tokens for answer in answers] == [25, 25]


def test_stopping_ends_every_answer_at_once(serve: Any, slowly: Any) -> None:
    serving = serve()
    with ThreadPoolExecutor() as pool, serving.client() as client:
        stream = ask(client, 400, stream=True)
        pieces = iter(stream)
        next(pieces)
        waiting = pool.submit(ask, client)
        wait_until(lambda: serving.worker.asked == 2)
        address, started = serving.server.address, time.monotonic()
        stopping = pool.submit(serving.server.stop)
        with pytest.raises(APIError) as cut:
            list(pieces)
        assert cut.value.code == "server_closing"
        with pytest.raises(InternalServerError, match="The server is closing"):
            waiting.result()
        stopping.result()
        assert time.monotonic() - started < 5
        assert serving.server.address is None
        with pytest.raises(APIError):
            OpenAI(api_key=serving.key, base_url=address, max_retries=0).models.list()
        serving.server.stop()  # once more does nothing
        serving.server.start()
        with serving.client() as again:
            assert ask(again).usage.completion_tokens == 3


def test_the_window_and_the_server_share_one_queue(
    tmp_path: Path, tiny_bundle: Path, slowly: Any
) -> None:
    events: SimpleQueue[Any] = SimpleQueue()
    service = ChatService(tmp_path / "store.sqlite3", events.put)
    server = ApiServer(service.worker, "geb-key", 0)
    try:
        service.load_model(tiny_bundle)
        while not isinstance(events.get(timeout=_PATIENCE), ModelLoaded):
            pass
        server.start()
        with OpenAI(api_key="geb-key", base_url=server.address, max_retries=0) as client:
            conversation = service.store.create_conversation()
            params = service.worker.loaded.generation.params(max_new_tokens=20)  # type: ignore[union-attr]
            service.send(conversation.id, "Hello", params)
            assert slowly.first_token.wait(_PATIENCE)
            assert ask(client).usage.completion_tokens == 3
        assert slowly.at_once == 1
        heard = [events.get() for _ in range(events.qsize())]
        assert all(isinstance(event, AnswerEvent) for event in heard)
        assert isinstance(heard[-1].event, Done)
        assert len({event.event.request_id for event in heard}) == 1
        assert len(service.store.list_conversations()) == 1
    finally:
        server.stop()
        service.close()
    assert not [t for t in threading.enumerate() if t.name == "api"]


def test_another_model_does_not_answer_in_the_first_ones_name(
    serve: Any, slowly: Any, tiny_bundle: Path, tmp_path: Path
) -> None:
    serving = serve()
    other = tmp_path / "other"
    other.symlink_to(tiny_bundle)
    with ThreadPoolExecutor() as pool, serving.client() as client:
        first = pool.submit(ask, client, 20)
        assert slowly.first_token.wait(_PATIENCE)
        serving.worker.load(other, num_threads=1)
        with pytest.raises(InternalServerError) as changed:
            ask(client)
        assert changed.value.code == "model_changed"
        assert first.result().usage.completion_tokens == 20


def test_before_a_model_is_loaded(serve: Any, tiny_bundle: Path) -> None:
    serving = serve(None)
    with serving.client() as client:
        for request in (client.models.list, lambda: ask(client)):
            with pytest.raises(InternalServerError) as refused:
                request()
            assert (refused.value.status_code, refused.value.code) == (503, "model_not_loaded")
        serving.load(tiny_bundle)
        assert ask(client).usage.completion_tokens == 3


def test_an_engine_that_fails_is_one_sentence(
    serve: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    serving = serve()

    def fail(*_arguments: Any, **_options: Any) -> Any:
        raise RuntimeError("unforeseen")

    with serving.client() as client:
        for place in ("engine.answer_steps.generate", "engine.api.app.Completion"):
            with monkeypatch.context() as patch:
                patch.setattr(place, fail)
                with pytest.raises(InternalServerError) as failed:
                    ask(client)
            assert failed.value.body["message"] == (  # type: ignore[index]
                "Something unexpected went wrong; the log has the details."
            )
        assert "RuntimeError at" in caplog.text
        assert ask(client).usage.completion_tokens == 3
