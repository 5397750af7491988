"""Questions about a passage of any things in any order: which stands beside these?"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

_QUESTIONS = (6, 11)
"""How many to a passage: fewest and most."""
_BESIDE = 3
"""At most so many things stand before and behind a gap."""
_SHARES = (0.125, 0.125, 0.75)
"""How often a question has no gap, one behind it and one inside: the last is found last."""

Item = TypeVar("Item")


def gap_questions(
    passage: Sequence[Item], gaps: Sequence[Item], generator: np.random.Generator
) -> Iterator[tuple[list[Item], Item]]:
    """Yield a question and its answer, for 6 to 11 places inside the passage.

    A question is some of the passage in a row, with one of `gaps` where the answer stood, or with
    nothing where that is its end. The passage has three items at least, all different.
    """
    places = generator.permutation(np.arange(1, len(passage) - 1)).tolist()
    count = int(generator.integers(*_QUESTIONS, endpoint=True))
    for place in places[:count]:
        left, right = generator.integers(1, _BESIDE, 2, endpoint=True).tolist()
        before, behind = passage[max(0, place - left) : place], passage[place + 1 :][:right]
        gap = gaps[int(generator.integers(len(gaps)))]
        kinds = ([*before], [*before, gap], [*before, gap, *behind])
        yield kinds[int(generator.choice(len(kinds), p=_SHARES))], passage[place]
