"""A part of an English sentence that can be asked for, and where phrases end."""

from collections.abc import Sequence
from dataclasses import dataclass

from training.making.english.clauses import forms
from training.making.english.words import (
    CLAUSE_MARKS,
    CLAUSE_WORDS,
    PREPOSITIONS,
    Word,
    name_end,
)


@dataclass(frozen=True)
class Gap:
    """The words `first` to `last` of the rest make way; `answer` are those that answer.

    A question begins with one of `front`, or has `inside` where the gap is. `alone`: nothing of
    the rest behind the gap belongs to the question.
    """

    first: int
    last: int
    answer: tuple[int, int]
    front: tuple[str, ...]
    inside: str
    kind: str
    alone: bool = False


def clause_end(rest: Sequence[Word], first: int) -> int:
    """Return where the clause that goes on at `first` ends."""
    for index in range(first, len(rest)):
        if rest[index].text in CLAUSE_MARKS or rest[index].low in CLAUSE_WORDS:
            return index
        if rest[index].low in ("and", "or", "as"):
            following = rest[index + 1 : index + 4]
            if any(
                word.low in forms().past or word.low in ("was", "is", "were", "are", "has", "had")
                for word in following
            ):
                return index
    return len(rest)


def ends_phrase(rest: Sequence[Word], last: int) -> bool:
    """Return whether the noun phrase whose last word was a name ends there."""
    if last >= len(rest):
        return True
    following = rest[last]
    return following.text in (",", ";") or following.low in PREPOSITIONS | CLAUSE_WORDS | {"and"}


def with_region(rest: Sequence[Word], last: int) -> int | None:
    """Return the end of "Oxford, Mississippi" for "Oxford"; None where a list begins."""
    if last >= len(rest) or rest[last].text != ",":
        return None if last < len(rest) and rest[last].low in ("and", "or") else last
    end = name_end(rest, last + 1)
    if end == last + 1:
        return last
    if end < len(rest) and rest[end].low in ("and", "or"):
        return None
    if end < len(rest) and rest[end].text == "," and name_end(rest, end + 1) > end + 1:
        return None
    return end
