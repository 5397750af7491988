"""The 1.3B shape with random weights: however tokens arrive, the logits are the same bits."""

import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.bundle import open_bundle
from engine.model import Model

_BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
_DEPTH, _LENGTH = 96, 160

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    """The model that `make bench` measures, built where it is not there yet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(_BENCHMARKS)
        from speed.models import ROOT, int8_bundle

        bundle = open_bundle(int8_bundle("geb-1.3b", ROOT / "build" / "bench"), verify=False)
        for name in [name for name in sys.modules if name.split(".")[0] == "speed"]:
            del sys.modules[name]
    with closing(Model(bundle, num_threads=2, context_length=512)) as opened:
        yield opened


@pytest.fixture(scope="module")
def tokens() -> list[int]:
    drawn: list[int] = np.random.default_rng(7).integers(16, 60_000, _LENGTH).tolist()
    return drawn


@pytest.fixture(scope="module")
def one_by_one(model: Model, tokens: list[int]) -> NDArray[np.float32]:
    """The logits after each token, [length, vocab_size]."""
    model.reuse([])
    return np.array([model.forward([token]).copy() for token in tokens])


def test_logits_say_something(one_by_one: NDArray[np.float32]) -> None:
    assert len({int(row.argmax()) for row in one_by_one}) > _LENGTH / 4


@pytest.mark.parametrize("cuts", [(), (64, 128), (1, 17, 80), tuple(range(7, _LENGTH, 7))])
def test_a_prompt_read_in_any_pieces(
    model: Model, tokens: list[int], one_by_one: NDArray[np.float32], cuts: tuple[int, ...]
) -> None:
    model.truncate(0)
    for start, end in pairwise((0, *cuts, _LENGTH)):
        np.testing.assert_array_equal(model.forward(tokens[start:end]), one_by_one[end - 1])


@pytest.mark.parametrize("width", [2, 4, 8, 16])
def test_drafts_verified_together(
    model: Model, tokens: list[int], one_by_one: NDArray[np.float32], width: int
) -> None:
    model.truncate(0)
    model.forward(tokens[:_DEPTH])
    for start in range(_DEPTH, _LENGTH, width):
        end = min(start + width, _LENGTH)
        found = model.forward_all(tokens[start:end])
        np.testing.assert_array_equal(found, one_by_one[start:end])


def test_a_beginning_that_is_used_again(
    model: Model, tokens: list[int], one_by_one: NDArray[np.float32]
) -> None:
    """After wrong guesses in the same cache, and copied to another conversation's."""
    for kept in (_DEPTH, 8):
        model.reuse([*tokens[:kept], *tokens[:40]])
        while model.length < kept + 40:
            model.forward([*tokens[:kept], *tokens[:40]][model.length :])
        model.reuse(tokens)
        assert model.length >= kept
        np.testing.assert_array_equal(model.forward(tokens[model.length :]), one_by_one[-1])
        model.truncate(0)
