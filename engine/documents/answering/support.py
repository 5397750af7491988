"""Which sentences of a written answer the passages support: names, numbers and words must agree.

A small model writes fluent text that no passage holds. A sentence counts as supported where one
sentence of a passage, or two neighbouring ones, hold its numbers and names and most of its
other words.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.document_prompt import cite
from engine.documents.answering.question import counts, stem
from engine.documents.answering.sources import Citation, Claim
from engine.documents.answering.words import KIND, Word, words_of
from engine.documents.passages import RetrievedPassage
from engine.documents.sentences import sentences_of
from engine.search_text import Span

LEAST_SHARE = 0.65
"""So much of a sentence's words a passage must hold."""
_MARKS = re.compile(r"\s*(?:\[\d{1,2}\]|【\d{1,2}】)")
_EXACT_KINDS = frozenset(KIND[name] for name in ("number", "person", "place", "body", "name"))
_MOST_PER_CLAIM = 2
_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
_HAN = re.compile("[\u3400-\u9fff]")


@dataclass(frozen=True)
class Marked:
    """An answer whose sentences carry the numbers of the passages that support them."""

    text: str
    citations: tuple[Citation, ...]
    claims: tuple[Claim, ...]


@dataclass(frozen=True)
class _Content:
    """What a piece of text says."""

    terms: Counter[str]
    exact: frozenset[str]
    """Numbers and names, which must be found as they are."""


@dataclass(frozen=True)
class _Place:
    """One or two sentences of a passage."""

    number: int
    span: Span
    content: _Content
    folded: str


def mark_support(answer: str, passages: Sequence[RetrievedPassage]) -> Marked:
    """Return the answer with verified marks; those that the model wrote itself are dropped."""
    plain = _MARKS.sub("", answer)
    places = list(_places(passages))
    pieces: list[str] = []
    claims: list[Claim] = []
    citations: dict[tuple[int, int, int], Citation] = {}
    length = done = 0
    for start, end in sentences_of(plain):
        pieces.append(plain[done:end])
        length += end - done
        done = end
        found = _supporting(plain[start:end], places)
        marks = "".join(cite(place.number) for place in found)
        # A Chinese sentence needs no space before its mark.
        blank = " " if marks and not _HAN.search(plain[start:end]) else ""
        numbers = tuple(place.number for place in found)
        claims.append(Claim(start=length - (end - start), end=length, passages=numbers))
        pieces.append(blank + marks)
        length += len(blank) + len(marks)
        for place in found:
            citation = _citation(place, passages[place.number - 1])
            citations[citation.number, citation.start, citation.end] = citation
    pieces.append(plain[done:])
    return Marked("".join(pieces), tuple(citations.values()), tuple(claims))


def _citation(place: _Place, passage: RetrievedPassage) -> Citation:
    start, end = place.span
    return Citation(
        number=place.number,
        passage=passage,
        start=passage.start + start,
        end=passage.start + end,
    )


def _places(passages: Sequence[RetrievedPassage]) -> Iterable[_Place]:
    for number, passage in enumerate(passages, 1):
        spans = sentences_of(passage.text)
        pairs = [(a[0], b[1]) for a, b in pairwise(spans)]
        for start, end in (*spans, *pairs):
            text = passage.text[start:end]
            yield _Place(number, (start, end), _content(text), text.casefold())


def _supporting(sentence: str, places: Sequence[_Place]) -> list[_Place]:
    """Return the best place of each passage that supports a sentence, the best passages first."""
    claim = _content(sentence)
    if not claim.terms:
        return []
    best: dict[int, tuple[float, _Place]] = {}
    for place in places:
        share = _share(claim, place)
        # Two sentences must say more than one of them alone.
        if share >= LEAST_SHARE and share > best.get(place.number, (0.0, place))[0] + 0.05:
            best[place.number] = (share, place)
    ordered = sorted(best.values(), key=lambda one: -one[0])
    close = [place for share, place in ordered if share >= ordered[0][0] - 0.1]
    return sorted(close[:_MOST_PER_CLAIM], key=lambda place: place.number)


def _share(claim: _Content, place: _Place) -> float:
    """Return how much of the claim's terms a place holds; 0 where a number or name is missing."""
    if any(one not in place.content.exact and one not in place.folded for one in claim.exact):
        return 0.0
    held = claim.terms & place.content.terms
    return held.total() / claim.terms.total()


def _content(text: str) -> _Content:
    words = [word for word in words_of(text) if counts(word)]
    terms: Counter[str] = Counter()
    for word in words:
        terms.update(_terms(word))
    exact = {
        word.text
        for place, word in enumerate(words)
        # The first word of an English sentence has a capital letter anyway.
        if word.kind in _EXACT_KINDS and not (place == 0 and word.text.isascii())
    }
    exact -= {one for one in exact if any(map(str.isdigit, one))}
    return _Content(terms, frozenset(exact | set(_DIGITS.findall(text))))


def _terms(word: Word) -> list[str]:
    """Return a word's stem; of a longer Chinese one its pairs of characters."""
    if len(word.text) > 2 and _HAN.search(word.text):
        return [word.text[place : place + 2] for place in range(len(word.text) - 1)]
    return [stem(word.text)]
