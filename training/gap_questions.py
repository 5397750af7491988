"""Questions about a passage of any things in any order: which stands beside these?"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

_QUESTIONS = (6, 11)
"""How many to a passage: fewest and most, where so many have one answer."""
_BESIDE = 4
"""At most so many things stand before and behind a gap."""
_SHARES = (0.125, 0.125, 0.75)
"""How often a question has no gap, one behind it and one inside: the last is found last."""

Item = TypeVar("Item")


def gap_questions(
    passage: Sequence[Item], gaps: Sequence[Item], generator: np.random.Generator
) -> Iterator[tuple[list[Item], Item]]:
    """Yield a question and its one answer, for at most 11 places inside the passage.

    A question is some of the passage in a row, with one of `gaps` where the answer stood, or with
    nothing where that is its end. The passage has three items at least.
    """
    places = generator.permutation(np.arange(1, len(passage) - 1)).tolist()
    wanted = int(generator.integers(*_QUESTIONS, endpoint=True))
    for place in places:
        before, behind = generator.integers(1, _BESIDE, 2, endpoint=True).tolist()
        kind = int(generator.choice(len(_SHARES), p=_SHARES))
        gap = gaps[int(generator.integers(len(gaps)))]
        lead = passage[max(0, place - before) : place]
        rest = passage[place + 1 :][: behind if kind == 2 else 0]
        if wanted and _answers(passage, lead, rest) == 1:
            wanted -= 1
            yield [*lead, *([gap] if kind else []), *rest], passage[place]


def _answers(passage: Sequence[Item], lead: Sequence[Item], rest: Sequence[Item]) -> int:
    """Return how many places of the passage have `lead` before and `rest` behind them."""
    ends = range(len(lead), len(passage) - len(rest))
    return sum(
        passage[at - len(lead) : at] == lead and passage[at + 1 : at + 1 + len(rest)] == rest
        for at in ends
    )
