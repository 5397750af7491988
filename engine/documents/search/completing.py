"""Whether a question is asked behind the ones before it, or alone: whichever finds more."""

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Final, NamedTuple

from engine.documents.search.query import Query, analyse
from engine.documents.search.ranking import Ranked

ANSWERABLE_SCORE: Final = 0.35
"""A question whose best passage scores less is not answered by these documents."""
_LEAST_HELD: Final = 0.5
"""So much must the best passage hold, by weight, both of a short question and of what it is
completed with; else they are of two subjects."""


class Ranking(NamedTuple):
    """The passages that fit a query, the best first, and what each word of it weighed."""

    ranked: Sequence[Ranked]
    weights: Mapping[str, float]


def is_answerable(ranked: Sequence[Ranked], limit: int) -> bool:
    """Return whether one of the first `limit` passages fits well enough."""
    return max((item.score for item in ranked[:limit]), default=0.0) >= ANSWERABLE_SCORE


def search_completed(
    question: str, earlier: Sequence[str], search: Callable[[Query], Ranking], limit: int
) -> tuple[Query, Sequence[Ranked]]:
    """Return the query that finds more, and what it found.

    A question that leans on those before it is asked alone where together nothing is found, or
    where it does not point back itself and no passage speaks of both; if that finds anything.
    """
    query = analyse(question, earlier)
    found = search(query)
    if not query.leant_on:
        return query, found.ranked
    together = is_answerable(found.ranked, limit)
    if together and (query.points_back or _speaks_of_both(query, found)):
        return query, found.ranked
    alone = analyse(question)
    ranked = search(alone).ranked
    return (alone, ranked) if is_answerable(ranked, limit) else (query, found.ranked)


def _speaks_of_both(query: Query, found: Ranking) -> bool:
    best = found.ranked[0].words
    own = query.weights.keys() - query.leant_on
    return all(_held(words, best, found.weights) >= _LEAST_HELD for words in (own, query.leant_on))


def _held(words: Set[str], held: Set[str], weights: Mapping[str, float]) -> float:
    """Return how much of some words a passage with the words `held` has, 0 to 1."""
    total = sum(weights[word] for word in words)
    return sum(weights[word] for word in words & held) / total if total else 1.0
