"""What the weights of a sentence's words come to, within spans and beside them."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_REACH = 0.8
"""A word counts so much less with each word between it and the span."""


def sums(weights: Floats, first: NDArray[np.intp], end: NDArray[np.intp]) -> Floats:
    """Return the weight of the words from `first` to before `end`, of each span; [spans]."""
    before = np.concatenate([[0.0], np.cumsum(weights, dtype=np.float64)])
    total: Floats = (before[end] - before[first]).astype(np.float32)
    return total


def reaching_left(weights: Floats) -> Floats:
    """Return for each place the weight to its left, less the farther away; [words + 1]."""
    reached = np.zeros(len(weights) + 1, np.float32)
    for place, weight in enumerate(weights):
        reached[place + 1] = reached[place] * _REACH + weight
    return reached


def reaching_right(weights: Floats) -> Floats:
    """Return for each place the weight to its right; [words + 1]."""
    return reaching_left(weights[::-1])[::-1]
