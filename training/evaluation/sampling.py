"""The part of a test set that --limit asks for."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def sample(items: Sequence[T], limit: int | None) -> list[T]:
    """Return `limit` items drawn with seed 0, in their order; all where it is None.

    A smaller sample is part of a larger one.
    """
    chosen = list(range(len(items)))
    random.Random(0).shuffle(chosen)  # noqa: S311 - sampling, not secrecy
    return [items[index] for index in sorted(chosen[:limit])]
