"""An answer: the right tokens, whole characters, and the right end."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.bundle import Bundle, open_bundle
from engine.errors import GenerationError
from engine.events import Cancelled, Done, Event, PrefillProgress, Started, Token
from engine.generation import generate
from engine.model import Model
from engine.sampling import SamplingParams

_GREEDY = SamplingParams(temperature=0, max_new_tokens=40)


@pytest.fixture(scope="module")
def endless(tiny_bundle: Path) -> Bundle:
    """The tiny bundle, with a stop token that nothing but padding rows would produce."""
    return _stopping_at(open_bundle(tiny_bundle), 3)


def _stopping_at(bundle: Bundle, *ids: int) -> Bundle:
    return replace(bundle, generation=replace(bundle.generation, eos_token_ids=ids))


@pytest.fixture(scope="module")
def model(endless: Bundle) -> Iterator[Model]:
    with closing(Model(endless, num_threads=1)) as model:
        yield model


@pytest.fixture(scope="module")
def prompt(endless: Bundle) -> list[int]:
    return endless.chat_template.encode([{"role": "user", "content": "你好, what is this?"}])


def _greedy_ids(model: Model, prompt: list[int], count: int) -> list[int]:
    """Decode by hand, from an empty cache."""
    model.truncate(0)
    ids = [int(model.forward(prompt).argmax())]
    while len(ids) < count:
        ids.append(int(model.forward(ids[-1:]).argmax()))
    return ids


def _text(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Token))


def _streamed(bundle: Bundle, ids: list[int], *, ended: bool) -> str:
    decoder = bundle.tokenizer.stream_decoder()
    return "".join(map(decoder.push, ids)) + (decoder.finish() if ended else "")


def test_the_course_of_an_answer(model: Model, endless: Bundle, prompt: list[int]) -> None:
    expected = _greedy_ids(model, prompt, 40)
    model.truncate(0)
    events = list(generate(model, endless, prompt, _GREEDY, request_id=9))
    assert {event.request_id for event in events} == {9}
    assert events[0] == Started(9)
    assert events[1:3] == [
        PrefillProgress(9, 0, len(prompt)),
        PrefillProgress(9, len(prompt), len(prompt)),
    ]
    assert all(isinstance(event, Token) and event.text for event in events[3:-1])
    assert _text(events) == _streamed(endless, expected, ended=False)
    done = events[-1]
    assert isinstance(done, Done)
    assert done.finish_reason == "length"
    usage = done.usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (len(prompt), 40)
    # The last token is shown, but nothing comes after it that would need it in the cache.
    assert usage.context_used == len(prompt) + 39
    assert usage.prefill_ms > 0
    assert usage.decode_tokens_per_second > 0


def test_a_stop_token_ends_the_answer_and_is_not_shown(
    model: Model, endless: Bundle, prompt: list[int]
) -> None:
    ids = _greedy_ids(model, prompt, 40)
    position = next(i for i in range(5, 40) if ids[i] not in ids[:i])
    bundle = _stopping_at(endless, 3, ids[position])
    events = list(generate(model, bundle, prompt, _GREEDY))
    assert isinstance(events[-1], Done)
    assert events[-1].finish_reason == "stop"
    assert events[-1].usage.completion_tokens == position
    assert _text(events) == _streamed(endless, ids[:position], ended=True)


def test_every_end_leaves_whole_characters(
    model: Model, endless: Bundle, prompt: list[int]
) -> None:
    """Wherever the limit falls, the text is what the finished characters say."""
    ids = _greedy_ids(model, prompt, 40)
    unfinished = 0
    for limit in range(1, 41):
        params = replace(_GREEDY, max_new_tokens=limit)
        text = _text(list(generate(model, endless, prompt, params)))
        assert text == _streamed(endless, ids[:limit], ended=False)
        unfinished += text != _streamed(endless, ids[:limit], ended=True)
    assert unfinished, "the tiny model ends inside a character now and then"


def test_the_context_ends_an_answer(endless: Bundle, prompt: list[int]) -> None:
    with closing(Model(endless, num_threads=1, context_length=len(prompt) + 7)) as model:
        events = list(generate(model, endless, prompt, _GREEDY))
        assert isinstance(events[-1], Done)
        assert events[-1].finish_reason == "length"
        assert events[-1].usage.completion_tokens == 8
        assert model.length == model.context_length
        with pytest.raises(GenerationError, match="context is full"):
            list(generate(model, endless, [*prompt] * 3, _GREEDY))
        assert _text(list(generate(model, endless, prompt, _GREEDY))) == _text(events)


def test_an_empty_prompt_is_one_sentence(model: Model, endless: Bundle) -> None:
    with pytest.raises(GenerationError, match="no message"):
        list(generate(model, endless, [], _GREEDY))


@pytest.fixture
def fast_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that reads 64 tokens in no time, and then as many as are read at once."""
    monkeypatch.setattr("engine.generation._CHUNK_SECONDS", 1e6)


@pytest.mark.usefixtures("fast_computer")
def test_a_long_prompt_is_read_in_chunks_and_only_where_it_is_new(
    model: Model, endless: Bundle
) -> None:
    prompt = endless.tokenizer.encode("一二三四 once upon a time " * 60)[:450]
    model.truncate(0)

    def progress(ids: list[int]) -> list[int]:
        params = replace(_GREEDY, max_new_tokens=1)
        events = list(generate(model, endless, ids, params))
        return [event.done for event in events if isinstance(event, PrefillProgress)]

    assert progress(prompt) == [0, 64, 320, 450]
    assert progress(prompt) == [449, 450]
    assert progress([*prompt, 7, 8]) == [450, 452]
    edited = [*prompt[:100], 9, *prompt[100:]]
    assert progress(edited) == [100, 164, 420, 451]
    # What was there before the edit is not forgotten, nor is a conversation for another.
    other = [5, *reversed(prompt)]
    assert progress(other) == [0, 64, 320, 451]
    assert progress(prompt) == [449, 450]
    assert progress(edited) == [450, 451]
    assert progress([*other, 7]) == [451, 452]
    # A fourth takes the place of the one that was left alone the longest.
    assert progress([6, *prompt]) == [0, 64, 320, 451]
    assert progress(edited) == [450, 451]
    assert progress(prompt) == [100, 164, 420, 450]


def test_a_slow_computer_still_shows_progress(
    model: Model, endless: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.generation._CHUNK_SECONDS", 0)
    prompt = endless.tokenizer.encode("slowly, slowly, 慢慢地 " * 60)[:200]
    events = generate(model, endless, prompt, replace(_GREEDY, max_new_tokens=1))
    done = [event.done for event in events if isinstance(event, PrefillProgress)]
    assert done == [0, 64, 128, 192, 200]


def test_cancelled_at_once_or_between_chunks(model: Model, endless: Bundle) -> None:
    prompt = endless.tokenizer.encode("never read before, 四三二一 " * 60)[:450]
    checks = iter([False, True, True])
    events = list(generate(model, endless, prompt, _GREEDY, lambda: next(checks)))
    assert [event.done for event in events if isinstance(event, PrefillProgress)] == [0, 64]
    assert isinstance(events[-1], Cancelled)
    assert events[-1].usage.completion_tokens == 0
    assert events[-1].usage.context_used == 64


def test_the_same_seed_gives_the_same_text(
    model: Model, endless: Bundle, prompt: list[int]
) -> None:
    def text(seed: int) -> str:
        params = SamplingParams(temperature=1, top_p=0.95, seed=seed, max_new_tokens=30)
        return _text(list(generate(model, endless, prompt, params)))

    assert text(5) == text(5)
    assert text(5) != text(6)


class _ScriptedModel:
    """Answers the n-th forward with the n-th row of {token: logit}; all others are unlikely."""

    context_length = 100
    verifies_drafts = False

    def __init__(self, *script: Mapping[int, float]) -> None:
        self._script = iter(script)
        self.tokens: list[int] = []

    @property
    def length(self) -> int:
        return len(self.tokens)

    def truncate(self, length: int) -> None:
        del self.tokens[length:]

    def reuse(self, _prompt: list[int]) -> None:
        self.truncate(0)

    def forward(self, token_ids: list[int]) -> np.ndarray:
        self.tokens += token_ids
        logits = np.full(448, -10, np.float32)
        for token, logit in next(self._script).items():
            logits[token] = logit
        return logits

    def forward_all(self, token_ids: list[int]) -> np.ndarray:
        return self.forward(token_ids)[None]


def _scripted(
    bundle: Bundle, params: SamplingParams, *script: Mapping[int, float]
) -> Sequence[Event]:
    prompt = [1, 50, 2, 51]
    return list(generate(_ScriptedModel(*script), bundle, prompt, params))  # type: ignore[arg-type]


def test_repetition_never_makes_the_end_of_an_answer_less_likely(endless: Bundle) -> None:
    params = replace(_GREEDY, repetition_penalty=2)
    assert endless.tokenizer.control_tokens["</s>"] == 2
    *_, done = _scripted(_stopping_at(endless, 2), params, {2: 2, 70: 1.5})
    assert isinstance(done, Done)
    assert (done.finish_reason, done.usage.completion_tokens) == ("stop", 0)


def test_a_model_that_stops_inside_a_character_shows_it(endless: Bundle) -> None:
    first_byte, second_byte, *_ = endless.tokenizer.encode("🦜")
    answer = {70: 5}, {first_byte: 5}, {second_byte: 5}, {2: 5}
    word = endless.tokenizer.decode([70])
    stopped = _scripted(_stopping_at(endless, 2), _GREEDY, *answer)
    assert _text(stopped) == word + "\ufffd"
    cut = _scripted(_stopping_at(endless, 2), replace(_GREEDY, max_new_tokens=3), *answer)
    assert _text(cut) == word


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_history_of_the_cache_gives_a_fresh_models_text(
    model: Model, endless: Bundle, data: st.DataObject
) -> None:
    """Regenerate, edit, switch and cancel at random: the shared cache is never seen."""
    tokens = st.lists(st.integers(6, 60), min_size=1, max_size=40)
    branches = data.draw(st.lists(tokens, min_size=2, max_size=4))
    params = replace(_GREEDY, max_new_tokens=8)
    for _ in range(data.draw(st.integers(2, 6))):
        branch = data.draw(st.sampled_from(branches))
        prompt = branch[: data.draw(st.integers(1, len(branch)))]
        patience = data.draw(st.integers(0, 20))
        countdown = partial(next, iter([False] * patience), True)
        events = list(generate(model, endless, prompt, params, countdown))
        with closing(Model(endless, num_threads=1)) as fresh:
            expected = _text(list(generate(fresh, endless, prompt, params)))
        if isinstance(events[-1], Done):
            assert _text(events) == expected
        else:
            assert expected.startswith(_text(events))
