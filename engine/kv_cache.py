"""Keys and values of the tokens that a model has read, for several conversations at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(eq=False)
class KeyValueCache:
    """One conversation's, in buffers of the whole context that a graph writes into in place.

    Pages of the buffers take memory only once tokens fill them.
    """

    buffers: list[NDArray[np.generic]]
    """Key and value of each layer, [1, num_key_value_heads, context_length, head_dim]."""
    tokens: list[int] = field(default_factory=list)
    """The tokens in it."""

    def copy_from(self, other: "KeyValueCache", length: int) -> None:
        """Hold the first `length` tokens of `other`, and nothing else."""
        for mine, theirs in zip(self.buffers, other.buffers, strict=True):
            mine[:, :, :length] = theirs[:, :, :length]
        self.tokens[:] = other.tokens[:length]

    def truncate(self, length: int) -> None:
        """Forget the tokens beyond the first `length`."""
        del self.tokens[length:]


class GrowingCache(KeyValueCache):
    """One whose buffers are as long as its tokens, for graphs that return a longer copy."""

    def copy_from(self, other: KeyValueCache, length: int) -> None:
        """See KeyValueCache."""
        self.buffers = [np.ascontiguousarray(buffer[:, :, :length]) for buffer in other.buffers]
        self.tokens[:] = other.tokens[:length]

    def truncate(self, length: int) -> None:
        """See KeyValueCache."""
        if length < len(self.tokens):
            self.copy_from(self, length)


def most_shared(caches: Sequence[KeyValueCache], prompt: Sequence[int]) -> tuple[int, int]:
    """Return which of `caches` shares most of `prompt`, and how many tokens."""
    shared = [common_prefix_length(cache.tokens, prompt) for cache in caches]
    best = max(range(len(caches)), key=shared.__getitem__)
    return best, shared[best]


def common_prefix_length(first: Sequence[int], second: Sequence[int]) -> int:
    """Return how many tokens two sequences begin with in common."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(first), len(second)))
