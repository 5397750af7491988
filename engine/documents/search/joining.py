"""From ranked passages to what is shown: nothing twice, neighbours as one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.documents.search.ranking import Ranked
from engine.documents.words import words_of

_SAME = 0.8
"""Share of their words that two passages have in common, if one says what the other does."""
_MAX_GAP = 2
"""Characters of white space between neighbours."""


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A part of a page that is shown."""

    document_id: int
    page_index: int
    headings: tuple[str, ...]
    start: int
    end: int
    score: float


def without_repeats(ranked: Iterable[Ranked], limit: int) -> list[Ranked]:
    """Return the first `limit` passages that say something new."""
    kept: list[tuple[Ranked, frozenset[str]]] = []
    for item in ranked:
        words = frozenset(words_of(item.passage.text))
        if not any(_alike(item, words, other, said) for other, said in kept):
            kept.append((item, words))
        if len(kept) == limit:
            break
    return [item for item, _ in kept]


def joined(ranked: Sequence[Ranked]) -> list[Stretch]:
    """Return passages as stretches of text, those that touch or overlap as one; the best first."""
    by_place = sorted(
        ranked,
        key=lambda item: (
            item.passage.document_id,
            item.passage.page_index,
            item.passage.start,
        ),
    )
    groups: list[list[Ranked]] = []
    for item in by_place:
        if groups and _touch(groups[-1], item):
            groups[-1].append(item)
        else:
            groups.append([item])
    groups.sort(key=lambda group: max(item.rank for item in group), reverse=True)
    return [_stretch(group) for group in groups]


def _stretch(group: Sequence[Ranked]) -> Stretch:
    first = group[0].passage
    return Stretch(
        document_id=first.document_id,
        page_index=first.page_index,
        headings=first.headings,
        start=first.start,
        end=max(item.passage.end for item in group),
        score=max(item.score for item in group),
    )


def _touch(group: Sequence[Ranked], item: Ranked) -> bool:
    last, new = group[-1].passage, item.passage
    return (last.document_id, last.page_index) == (new.document_id, new.page_index) and (
        new.start <= max(other.passage.end for other in group) + _MAX_GAP
    )


def _alike(a: Ranked, words: frozenset[str], b: Ranked, said: frozenset[str]) -> bool:
    if a.passage.document_id == b.passage.document_id and a.passage.start != b.passage.start:
        overlap = min(a.passage.end, b.passage.end) - max(a.passage.start, b.passage.start)
        if overlap > 0 and a.passage.page_index == b.passage.page_index:
            return False  # neighbours that share a sentence are joined instead
    return len(words & said) >= _SAME * len(words | said)
