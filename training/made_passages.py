"""How long made passages are, and how often a thing comes in them."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

_REPEATED = (2, 4)
"""How often a thing comes in a passage of repeated ones, on average: least and most."""
_FEWEST_REPEATED = 4
"""Things that such a passage has at least."""

Item = TypeVar("Item")


def log_uniform(least: int, most: int, generator: np.random.Generator) -> int:
    """Return a length from `least` to `most`, each doubling as likely as another."""
    drawn = np.exp(generator.uniform(np.log(least), np.log(most + 1)))
    return min(int(drawn), most)


def several_times(items: Sequence[Item], generator: np.random.Generator) -> list[Item]:
    """Return as many, drawn from the first of `items`, so that each comes several times."""
    few = len(items) // int(generator.integers(*_REPEATED, endpoint=True))
    few = min(max(few, _FEWEST_REPEATED), len(items))
    return [items[place] for place in generator.integers(few, size=len(items))]
