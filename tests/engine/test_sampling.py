"""Which tokens may be drawn, and how often."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.errors import GenerationError
from engine.sampling import (
    REPETITION_WINDOW,
    GenerationDefaults,
    Sampler,
    SamplingParams,
    _largest,
)

# Ties, and what rounding makes one, leave open which token is cut: steps of 0.1 have none.
_LOGITS = st.lists(st.integers(-300, 300), min_size=2, max_size=300, unique=True).map(
    lambda tenths: np.array(tenths, np.float32) / 10
)
_PARAMS = st.builds(
    SamplingParams,
    temperature=st.floats(0.05, 5),
    top_k=st.integers(0, 320),
    top_p=st.floats(0.01, 1),
    min_p=st.floats(0, 1),
    seed=st.integers(0, 2**64 - 1),
)


def _reference(logits: NDArray[np.float32], params: SamplingParams) -> dict[int, float]:
    """The definition, with a full sort: {token: probability}."""
    order = np.argsort(-logits.astype(np.float64))
    if params.top_k:
        order = order[: params.top_k]
    scaled = logits[order].astype(np.float64) / params.temperature
    probabilities = np.exp(scaled - scaled.max())
    probabilities /= probabilities.sum()
    keep = []
    mass = 0.0
    for index, probability in enumerate(probabilities):
        if params.top_p < 1 and mass >= params.top_p:
            break
        mass += probability
        if probability >= params.min_p * probabilities[0]:
            keep.append(index)
    total = sum(probabilities[keep])
    return {int(order[i]): float(probabilities[i] / total) for i in keep}


@given(logits=_LOGITS, params=_PARAMS)
def test_exactly_the_right_tokens_are_kept(
    logits: NDArray[np.float32], params: SamplingParams
) -> None:
    ids, probabilities = Sampler(params).distribution(logits, [])
    found = dict(zip(ids.tolist(), probabilities.tolist(), strict=True))
    expected = _reference(logits, params)
    # Where a threshold falls on a token to the last bit, either side is right.
    for token in found.keys() ^ expected.keys():
        assert max(found.get(token, 0), expected.get(token, 0)) < 1e-9 or _on_threshold(
            logits, params, token
        )
    for token in found.keys() & expected.keys():
        assert found[token] == pytest.approx(expected[token], rel=1e-6, abs=1e-9)


@given(
    size=st.integers(1, 5000),
    count=st.integers(1, 1100),
    levels=st.integers(1, 10_000),
    seed=st.integers(0, 99),
)
def test_the_largest_are_found_without_a_sort(
    size: int, count: int, levels: int, seed: int
) -> None:
    """With ties, too, of which any may be taken."""
    values = np.random.default_rng(seed).integers(0, levels, size).astype(np.float32)
    found = _largest(values, min(count, size))
    assert len(np.unique(found)) == min(count, size)
    expected = np.sort(values)[::-1][: len(found)]
    np.testing.assert_array_equal(np.sort(values[found])[::-1], expected)


def _on_threshold(logits: NDArray[np.float32], params: SamplingParams, token: int) -> bool:
    scaled = logits.astype(np.float64) / params.temperature
    if params.top_k:
        scaled = np.sort(scaled)[::-1][: params.top_k]
    probabilities = np.exp(np.sort(scaled)[::-1] - scaled.max())
    probabilities /= probabilities.sum()
    own = math.exp(logits[token] / params.temperature - scaled.max())
    on_min_p = math.isclose(own, params.min_p, rel_tol=1e-9)
    return on_min_p or bool(np.isclose(probabilities.cumsum(), params.top_p, rtol=1e-9).any())


@given(logits=_LOGITS, temperature=st.floats(0.01, 10), seed=st.integers(0, 2**32))
def test_one_candidate_is_greedy(
    logits: NDArray[np.float32], temperature: float, seed: int
) -> None:
    best = int(logits.argmax())
    greedy = SamplingParams(temperature=0, seed=seed)
    only_one = SamplingParams(temperature=temperature, top_k=1, seed=seed)
    only_peak = SamplingParams(temperature=temperature, min_p=1, seed=seed)
    for params in (greedy, only_one, only_peak):
        assert Sampler(params).sample(logits, []) == best


@pytest.mark.parametrize(
    "params",
    [
        SamplingParams(seed=7),
        SamplingParams(temperature=0.6, seed=7),
        SamplingParams(temperature=1.4, top_k=5, seed=7),
        SamplingParams(top_p=0.7, seed=7),
        SamplingParams(min_p=0.2, seed=7),
    ],
)
def test_samples_follow_the_softmax(params: SamplingParams) -> None:
    logits = np.random.default_rng(1).normal(size=12).astype(np.float32) * 2
    sampler, draws = Sampler(params), 20_000
    counts = np.bincount([sampler.sample(logits, []) for _ in range(draws)], minlength=12)
    expected = np.zeros(12)
    for token, probability in _reference(logits, params).items():
        expected[token] = probability * draws
    assert not counts[expected == 0].any()
    kept = expected > 0
    chi_squared = ((counts[kept] - expected[kept]) ** 2 / expected[kept]).sum()
    # The 99.99 % point of chi-squared with 11 degrees of freedom.
    assert chi_squared < 37.4


def test_the_seed_reproduces_and_no_seed_does_not() -> None:
    logits = np.zeros(1000, np.float32)

    def draw(seed: int | None) -> list[int]:
        sampler = Sampler(SamplingParams(seed=seed))
        return [sampler.sample(logits, []) for _ in range(20)]

    assert draw(3) == draw(3)
    assert draw(3) != draw(4)
    assert draw(None) != draw(None)


def test_repetition_makes_recent_tokens_less_likely_and_forgets_older_ones() -> None:
    sampler = Sampler(SamplingParams(repetition_penalty=2))
    logits = np.array([2, -2, 1, 0], np.float32)
    before = logits.copy()
    assert _probabilities(sampler, logits, [0, 1, 0]) == pytest.approx(
        _softmax(np.array([1, -4, 1, 0]))
    )
    far_away = [0] + [3] * REPETITION_WINDOW
    assert _probabilities(sampler, logits, far_away) == pytest.approx(_softmax(logits))
    assert (logits == before).all()
    greedy = Sampler(SamplingParams(temperature=0, repetition_penalty=3))
    assert greedy.sample(logits, []) == 0
    assert greedy.sample(logits, [0]) == 2


def _probabilities(
    sampler: Sampler, logits: NDArray[np.float32], context: list[int]
) -> NDArray[np.float64]:
    ids, probabilities = sampler.distribution(logits, context)
    result = np.zeros(len(logits))
    result[ids] = probabilities
    return result


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    exponentials = np.exp(logits.astype(np.float64))
    return exponentials / exponentials.sum()


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": -0.1},
        {"temperature": math.nan},
        {"temperature": math.inf},
        {"temperature": "hot"},
        {"top_k": -1},
        {"top_k": 2.5},
        {"top_k": True},
        {"top_p": 1.1},
        {"min_p": -0.1},
        {"repetition_penalty": 0},
        {"max_new_tokens": 0},
        {"max_new_tokens": None},
        {"seed": -1},
        {"seed": 2**64},
    ],
)
def test_values_out_of_range_are_one_sentence(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(GenerationError, match=f"^{name} must be "):
        SamplingParams(**wrong)


def test_a_models_defaults_can_be_changed_one_by_one() -> None:
    defaults = GenerationDefaults(
        temperature=0.3,
        top_k=5,
        top_p=0.5,
        min_p=0,
        repetition_penalty=1.15,
        max_new_tokens=512,
        eos_token_ids=(2,),
    )
    changed = defaults.params(temperature=0.0, seed=1, top_k=None)
    assert (changed.temperature, changed.seed, changed.top_k) == (0, 1, 5)
    with pytest.raises(GenerationError):
        defaults.params(top_p=2)
