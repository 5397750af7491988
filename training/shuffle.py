"""A random order of any number of rows without storing it."""

from collections.abc import Sequence
from math import isqrt

import numpy as np

_ROUNDS = 4
_MASK = 2**64 - 1


class Permutation:
    """A pseudo-random permutation of range(count), computed place by place.

    A Feistel network over pairs of numbers instead of pairs of bit strings, walked on while it
    lands outside the range (Black and Rogaway 2002, "Ciphers with arbitrary finite domains"):
    no memory, whatever the count.
    """

    def __init__(self, count: int, seed: Sequence[int]) -> None:
        self._count = count
        self._left = isqrt(count - 1) + 1 if count > 1 else 1
        self._right = -(-count // self._left)
        keys = np.random.SeedSequence(seed).generate_state(2 * _ROUNDS, np.uint64).tolist()
        self._keys = list(zip(keys[::2], keys[1::2], strict=True))

    def __getitem__(self, index: int) -> int:
        """Return the number that stands at a place; both are in range(count)."""
        while True:
            left, right = divmod(index, self._right)
            for first, second in self._keys:
                left = (left + _hash(right ^ first)) % self._left
                right = (right + _hash(left ^ second)) % self._right
            index = left * self._right + right
            if index < self._count:
                return index


def _hash(value: int) -> int:
    """Mix 64 bits (the finaliser of splitmix64, Steele et al. 2014)."""
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)
