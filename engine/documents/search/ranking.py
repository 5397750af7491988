"""Comparing candidates by their text: which holds most of the question, and closest together.

BM25 with the question's words, and the weight of the words that stand within one or two
sentences; words that follow each other in the question count again where they do in the passage.
Tuned on DRCD and QAMR questions among 100,000 other passages.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.documents.library.texts import StoredPassage
from engine.documents.word_finder import Found, WordFinder
from engine.search_text import is_unspaced

_K1, _B, _USUAL_LENGTH = 1.0, 0.4, 500
_WINDOW = {True: 80, False: 160}
"""Characters of Chinese, and of others."""
_WINDOW_WEIGHT = 1.5
_PAIR_WEIGHT = 0.5
_PAIR_DISTANCE = 12
_HEADING_WEIGHT = 0.5
_READ_AT_ONCE = 200


@dataclass(frozen=True)
class Ranked:
    """A passage and how well it fits."""

    passage: StoredPassage
    rank: float
    """By which passages are compared for one question."""
    score: float
    """Between 0 and 1, to be compared between questions."""
    words: frozenset[str]
    """The words of the question that it holds."""


def rank(passages: Sequence[StoredPassage], weights: Mapping[str, float]) -> list[Ranked]:
    """Return passages by how well they fit the weighted words of a question, the best first."""
    total = sum(weights.values())
    if not total:
        return []
    finder = WordFinder(weights)
    ranked: list[Ranked] = []
    for start in range(0, len(passages), _READ_AT_ONCE):
        some = passages[start : start + _READ_AT_ONCE]
        texts = finder.places([passage.text for passage in some])
        headings = finder.places(["\n".join(passage.headings) for passage in some])
        ranked += [
            _rank(passage, places, above, weights, total)
            for passage, places, above in zip(some, texts, headings, strict=True)
        ]
    return sorted(ranked, key=lambda item: item.rank, reverse=True)


def _rank(
    passage: StoredPassage, places: Found, above: Found, weights: Mapping[str, float], total: float
) -> Ranked:
    length = _K1 * (1 - _B + _B * len(passage.text) / _USUAL_LENGTH)
    held = sum(
        weights[word] * len(at) * (_K1 + 1) / (len(at) + length) for word, at in places.items()
    )
    headings = sum(weights[word] for word in above.keys() - places.keys())
    near = _nearest(places, weights)
    rank = (
        held
        + _HEADING_WEIGHT * headings
        + _WINDOW_WEIGHT * near
        + _PAIR_WEIGHT * _pairs(places, weights)
    )
    covered = sum(weights[word] for word in places) + headings
    score = (covered + near) / (2 * total)
    return Ranked(passage, rank, min(1.0, score), frozenset(places.keys() | above.keys()))


def _nearest(places: Mapping[str, list[int]], weights: Mapping[str, float]) -> float:
    """Return the greatest weight of different words within one window of the text."""
    events = sorted((place, word) for word, at in places.items() for place in at)
    unspaced = sum(map(is_unspaced, places)) * 2 > len(places)
    width = _WINDOW[unspaced]
    counts: dict[str, int] = {}
    best = now = 0.0
    first = 0
    for place, word in events:
        counts[word] = counts.get(word, 0) + 1
        if counts[word] == 1:
            now += weights[word]
        while events[first][0] < place - width:
            left = events[first][1]
            counts[left] -= 1
            if not counts[left]:
                now -= weights[left]
            first += 1
        best = max(best, now)
    return best


def _pairs(places: Mapping[str, list[int]], weights: Mapping[str, float]) -> float:
    """Return the weight of neighbours in the question that are neighbours here, too.

    Pairs of Chinese characters overlap, so they show their order themselves.
    """
    found = 0.0
    for word, following in pairwise(weights):
        if word in places and following in places and not is_unspaced(word):
            reach = len(word) + _PAIR_DISTANCE
            if any(0 < b - a <= reach for a in places[word] for b in places[following]):
                found += min(weights[word], weights[following])
    return found
