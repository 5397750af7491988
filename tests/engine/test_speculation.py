"""Guesses: found where the text repeats itself, as long as they pay, and never seen in the text."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.bundle import Bundle, open_bundle
from engine.events import Cancelled, Done, Token
from engine.generation import generate
from engine.model import Model
from engine.sampling import SamplingParams
from engine.speculation import MAX_DRAFT_TOKENS, DraftLength, PromptLookup

_TEXTS = st.lists(st.integers(0, 3), max_size=60)


@given(tokens=_TEXTS, limit=st.integers(-1, 20))
def test_a_draft_is_what_followed_the_last_occurrence(tokens: list[int], limit: int) -> None:
    def followers(size: int) -> list[int] | None:
        ending = tokens[-size:]
        for end in range(len(tokens) - 1, size - 1, -1):
            if len(tokens) > size and tokens[end - size : end] == ending:
                return tokens[end : end + max(limit, 0)]
        return None

    expected = next((found for size in (4, 2) if (found := followers(size)) is not None), [])
    assert PromptLookup(tokens).draft(limit) == expected


def test_the_length_of_a_guess_follows_its_worth() -> None:
    length = DraftLength()
    assert length.choose(15) == 0  # nothing is known of this computer yet
    length.observe_cost(0, 0.05)
    first = length.choose(15)
    assert 0 < first < 15
    for _ in range(30):
        length.observe_guess(right=True)
        length.observe_cost(10, 0.06)
    assert length.choose(15) == 15
    assert length.choose(3) == 3
    for _ in range(30):
        length.observe_guess(right=False)
    assert length.choose(15) == 0
    # After a while it is worth another try.
    assert any(length.choose(15) for _ in range(300))


def test_guesses_that_cost_as_much_as_steps_are_not_made() -> None:
    length = DraftLength()
    length.observe_cost(0, 0.05)
    for _ in range(30):
        length.observe_guess(right=True)
        length.observe_cost(4, 0.3)
    assert length.choose(15) == 0


@pytest.fixture(scope="module")
def endless(tiny_bundle: Path) -> Bundle:
    bundle = open_bundle(tiny_bundle)
    return replace(bundle, generation=replace(bundle.generation, eos_token_ids=(3,)))


@pytest.fixture(scope="module")
def model(endless: Bundle) -> Iterator[Model]:
    with closing(Model(endless, num_threads=1)) as model:
        yield model


class _Counting:
    """Counts the forwards of a model."""

    def __init__(self, model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
        self.forwards = 0
        run = model._run

        def counted(*arguments):
            self.forwards += 1
            return run(*arguments)

        monkeypatch.setattr(model, "_run", counted)


def test_a_repeated_text_takes_fewer_forwards(
    endless: Bundle, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Timings here are noise, so the length is held at the most that is allowed."""
    monkeypatch.setattr(DraftLength, "choose", lambda _self, limit: min(limit, MAX_DRAFT_TOKENS))
    params = SamplingParams(temperature=0, max_new_tokens=200)
    prompt = [1, *[40, 50, 60, 70, 80, 90] * 20]
    results = []
    for max_draft_tokens in (0, MAX_DRAFT_TOKENS):
        model.truncate(0)
        counting = _Counting(model, monkeypatch)
        *events, done = generate(model, endless, prompt, params, max_draft_tokens=max_draft_tokens)
        assert isinstance(done, Done)
        text = "".join(event.text for event in events if isinstance(event, Token))
        results.append((text, done.finish_reason, done.usage.context_used, list(model.tokens)))
        if max_draft_tokens == 0:
            plain = counting.forwards
            assert plain == 201  # the prompt is read in two
    assert results[0] == results[1]
    assert counting.forwards < plain


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_setting_shows_in_the_text(
    model: Model, endless: Bundle, data: st.DataObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Greedy or sampled, cut anywhere: with guesses of any length as without."""
    monkeypatch.setattr(
        DraftLength, "choose", lambda _self, limit: data.draw(st.integers(0, max(limit, 0)))
    )
    prompt = data.draw(st.lists(st.integers(6, 9), min_size=1, max_size=40))
    params = SamplingParams(
        temperature=data.draw(st.sampled_from([0.0, 0.3, 1.0])),
        top_k=data.draw(st.sampled_from([0, 2, 20])),
        repetition_penalty=data.draw(st.sampled_from([1.0, 1.3])),
        max_new_tokens=data.draw(st.integers(1, 60)),
        seed=7,
    )
    patience = data.draw(st.one_of(st.none(), st.integers(2, 40)))

    def result(max_draft_tokens: int) -> object:
        left = [patience]

        def is_cancelled() -> bool:
            if left[0] is not None:
                left[0] -= 1
            return left[0] is not None and left[0] < 0

        model.truncate(0)
        *events, last = generate(
            model, endless, prompt, params, is_cancelled, max_draft_tokens=max_draft_tokens
        )
        assert isinstance(last, Done | Cancelled)
        text = "".join(event.text for event in events if isinstance(event, Token))
        return text, type(last), last.usage.completion_tokens, list(model.tokens)

    plain = result(0)
    guessed = result(MAX_DRAFT_TOKENS)
    assert guessed[:3] == plain[:3]
    assert guessed[3][: len(plain[3]) - 1] == plain[3][:-1]


def test_the_context_ends_an_answer_amid_guesses(endless: Bundle) -> None:
    prompt = [1, *[40, 50, 60] * 10]
    params = SamplingParams(temperature=0, max_new_tokens=400)
    with closing(Model(endless, num_threads=1, context_length=140)) as model:
        texts = []
        for max_draft_tokens in (0, MAX_DRAFT_TOKENS):
            model.truncate(0)
            *events, done = generate(
                model, endless, prompt, params, max_draft_tokens=max_draft_tokens
            )
            assert isinstance(done, Done)
            assert done.finish_reason == "length"
            assert model.length == model.context_length
            texts.append([event.text for event in events if isinstance(event, Token)])
        assert texts[0] == texts[1]
