"""What the official client gets."""

from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import pytest
from openai import OpenAI

from engine.events import Done, Event, Token

HELLO: list[Any] = [{"role": "user", "content": "你好"}]


@pytest.fixture
def client(serving: Any) -> Iterator[OpenAI]:
    with serving.client() as client:
        yield client


def ask(client: OpenAI, messages: list[Any] = HELLO, **options: Any) -> Any:
    return client.chat.completions.create(model="tiny", messages=messages, **options)


def text(client: OpenAI, messages: list[Any] = HELLO, **options: Any) -> str:
    content = ask(client, messages, **options).choices[0].message.content
    assert content
    return str(content)


def test_the_model_in_use_is_listed(client: OpenAI) -> None:
    (model,) = client.models.list()
    assert (model.id, model.object, model.owned_by) == ("tiny", "model", "geb-chat")
    assert client.models.retrieve("tiny") == model


def test_an_answer_is_the_engines_own(serving: Any, client: OpenAI) -> None:
    events: SimpleQueue[Event] = SimpleQueue()
    params = serving.worker.loaded.generation.params(temperature=0, max_new_tokens=20)
    serving.worker.generate(HELLO, params, on_event=events.put)
    said = []
    while not isinstance(event := events.get(timeout=30), Done):
        said.append(event)
    completion = ask(client, temperature=0, max_tokens=20)
    (choice,) = completion.choices
    assert choice.message.role == "assistant"
    assert choice.message.content == "".join(e.text for e in said if isinstance(e, Token))
    assert choice.finish_reason == event.finish_reason == "length"
    usage = completion.usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (event.usage.prompt_tokens, 20)
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert (completion.object, completion.model) == ("chat.completion", "tiny")
    assert ask(client, temperature=0, max_completion_tokens=3).usage.completion_tokens == 3


def test_a_stream_says_the_same_piece_by_piece(client: OpenAI) -> None:
    whole = text(client, seed=3, max_tokens=30)
    options = {"include_usage": True}
    chunks = list(ask(client, seed=3, max_tokens=30, stream=True, stream_options=options))
    deltas = [chunk.choices[0].delta for chunk in chunks[:-1]]
    assert (deltas[0].role, deltas[0].content) == ("assistant", "")
    assert len(deltas) > 5
    assert "".join(delta.content or "" for delta in deltas) == whole
    reasons = [chunk.choices[0].finish_reason for chunk in chunks[:-1]]
    assert reasons == [None] * (len(reasons) - 1) + ["length"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == 30
    assert len({chunk.id for chunk in chunks}) == 1
    assert all(chunk.choices for chunk in ask(client, max_tokens=3, stream=True))


def test_a_seed_gives_the_same_text_again(client: OpenAI) -> None:
    first = text(client, seed=1, max_tokens=40)
    text(client, [{"role": "user", "content": "Something else"}], seed=9, max_tokens=5)
    assert text(client, seed=1, max_tokens=40) == first
    assert text(client, seed=2, max_tokens=40) != first


def test_every_sampling_field_reaches_the_engine(client: OpenAI) -> None:
    extra = {"top_k": 0, "repetition_penalty": 1}  # beside the model's own settings
    greedy = text(client, temperature=0, max_tokens=20, extra_body=extra)
    hot: dict[str, Any] = {"temperature": 2, "seed": 5, "max_tokens": 20}
    wild = text(client, **hot, top_p=1, extra_body=extra)
    assert wild != greedy
    for one_candidate in ({"top_k": 1}, {"min_p": 1.0}, {"top_p": 1e-9}):
        assert text(client, **hot, extra_body=extra | one_candidate) == greedy
    penalised = extra | {"top_k": 1, "repetition_penalty": 10}
    assert text(client, **hot, extra_body=penalised) != greedy


def test_messages_may_be_written_in_openais_other_ways(client: OpenAI) -> None:
    plain = text(
        client,
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "a\nb"}],
        temperature=0,
    )
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    answer = ask(
        client,
        [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": parts}],
        temperature=0,
        n=1,
        user="somebody",
        tools=[],
        stop=None,
    )
    assert answer.choices[0].message.content == plain
    # What came back may be sent again as it is.
    reply = answer.choices[0].message.model_dump()
    assert text(client, [*HELLO, reply, *HELLO], max_tokens=3)
