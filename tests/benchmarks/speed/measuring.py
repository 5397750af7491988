"""Timing calls, and forwards of the engine's model."""

import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import numpy as np

from engine.generation import PREFILL_CHUNK
from engine.model import Model

Result = TypeVar("Result")

STEPS = 32
"""Tokens of one round of decoding."""
ROUNDS = 3


def random_tokens(count: int, vocab_size: int) -> list[int]:
    """Return token ids in which nothing repeats that a guess could go by."""
    tokens: list[int] = np.random.default_rng(0).integers(16, vocab_size, count).tolist()
    return tokens


def timed(call: Callable[[], Result]) -> tuple[float, Result]:
    """Return a call's seconds and its result."""
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def median_seconds(call: Callable[[], object], repeats: int = ROUNDS) -> float:
    """Return the median seconds of several calls."""
    return statistics.median(timed(call)[0] for _ in range(repeats))


def fill(model: Model, tokens: Sequence[int]) -> None:
    """Have exactly `tokens` in the cache; what it shares with them is not read again."""
    model.reuse(tokens)
    while model.length < len(tokens):
        model.forward(tokens[model.length : model.length + PREFILL_CHUNK])


def decode_round(model: Model, tokens: Sequence[int], depth: int) -> list[float]:
    """Return the seconds of each of STEPS steps that go on behind `depth` tokens."""
    fill(model, tokens[:depth])
    following = tokens[depth : depth + STEPS]
    return [timed(partial(model.forward, [token]))[0] for token in following]


def decode_speed(model: Model, tokens: Sequence[int], depth: int) -> float:
    """Return tokens a second behind `depth` tokens: the median step of several rounds."""
    rounds = [decode_round(model, tokens, depth) for _ in range(ROUNDS)]
    return 1 / statistics.median(second for seconds in rounds for second in seconds)


def verify_seconds(model: Model, tokens: Sequence[int], depth: int, width: int) -> float:
    """Return the seconds of one forward with the logits of `width` tokens behind `depth`."""
    fill(model, tokens[:depth])
    return timed(lambda: model.forward_all(tokens[depth : depth + width]))[0]
