"""Divides a document into passages that a small model can read and a person can check."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import TypeVar

from engine.documents.document import Block, Document, Heading, Page, Passage
from engine.documents.sections import section_numbers, sections
from engine.documents.sentences import (
    PARAGRAPH,
    SECTION,
    SENTENCE,
    Piece,
    lines,
    sentences,
    trimmed,
    weights,
)

TARGET = 1000
"""Letters of a passage: about 250 tokens, as are 330 Chinese characters."""
LIMIT = 1500
_LEAST = 250
"""A section that is shorter goes with the next one."""
_MAX_OVERLAP = 300
"""A longer sentence is not repeated."""
_FEWEST = 600
"""A better place to end is looked for beyond this size."""
_LEAST_LENGTH = 20
"""Characters: two passages that follow each other have new text of more than twice so many."""
_Mark = TypeVar("_Mark", Heading, Block)
Place = tuple[int, int, int]
"""Of a passage: index of the page, start, end."""


def split(document: Document) -> list[Passage]:
    """Return the passages of a document in its order; every word stands in at least one.

    A passage ends where a section, paragraph or sentence does, in this order, and never within
    one that fits. If it ends within a paragraph, the next one begins with its last sentence.
    Takes time in proportion to the text, none if the document has been divided before.
    """
    if document.passages is not None:
        return list(document.passages)
    return under_headings(_places(document), document.headings)


def under_headings(places: Iterable[Place], headings: Sequence[Heading]) -> list[Passage]:
    """Return the passages at some places, which stand in the order of the text."""
    places, parts = list(places), sections(headings)
    numbers = section_numbers(parts, (place[:2] for place in places))
    return [
        Passage(*place, parts[number].heading_path)
        for place, number in zip(places, numbers, strict=True)
    ]


def most_passages(pages: Sequence[Page]) -> int:
    """Return more than `split` ever makes of so much text."""
    return len(pages) + sum(len(page.text) for page in pages) // _LEAST_LENGTH


def _places(document: Document) -> Iterator[Place]:
    headings = _by_page(document.headings)
    blocks = _by_page(document.blocks)
    for index, (page, sizes) in enumerate(zip(document.pages, _page_sizes(document), strict=True)):
        pieces = _page_pieces(page.text, sizes, headings.get(index, []), blocks.get(index, []))
        for start, end in _pack(pieces):
            start, end = trimmed(page.text, start, end)
            if start < end:
                yield index, start, end


def _by_page(marks: Sequence[_Mark]) -> dict[int, list[_Mark]]:
    groups = groupby(_in_order(marks), lambda mark: mark.page_index)
    return {page: list(group) for page, group in groups}


def _in_order(marks: Sequence[_Mark]) -> list[_Mark]:
    return sorted(marks, key=lambda mark: (mark.page_index, mark.start))


def _page_sizes(document: Document) -> Iterator[Sequence[int]]:
    """Yield the weights of each page's text, but for a number that all of a page share."""
    sizes = weights("".join(page.text for page in document.pages))
    start = 0
    for page in document.pages:
        yield sizes[start : start + len(page.text) + 1]
        start += len(page.text)


def _page_pieces(
    text: str, sizes: Sequence[int], headings: list[Heading], blocks: list[Block]
) -> Iterator[Piece]:
    """Yield the sentences of a page; tables and code whole, if they fit, else their lines."""
    size = sizes[-1] - sizes[0]
    if size <= TARGET and not headings and not blocks:  # one passage, wherever it may be divided
        yield Piece(0, len(text), size, PARAGRAPH)
        return
    begins = {heading.start for heading in headings}
    ends = {edge for block in blocks for edge in (block.start, block.end)}
    number = 0
    for start, end in pairwise(sorted({0, len(text)} | begins | ends)):
        while number < len(blocks) and blocks[number].end <= start:
            number += 1
        division = SECTION if start in begins else PARAGRAPH
        is_block = number < len(blocks) and blocks[number].start <= start
        size = sizes[end] - sizes[start]
        if is_block and size <= LIMIT:
            yield Piece(start, end, size, division)
            continue
        yield from (lines if is_block else sentences)(text, sizes, start, end, LIMIT, division)


def _pack(pieces: Iterator[Piece]) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of passages as near to TARGET as the divisions allow."""
    before: list[Piece] = []
    held: list[Piece] = []
    size = repeated = 0  # of `held`: its weight; how many pieces stand in `before`, too
    for piece in pieces:
        if len(held) > repeated and _is_full(size, piece):
            if before:
                yield before[0].start, before[-1].end
            count = _where_to_end(held, piece)
            before, rest = held[:count], held[count:]
            division = (rest or [piece])[0].division
            repeated = int(division == SENTENCE and count > 1 and before[-1].weight < _MAX_OVERLAP)
            held = before[count - repeated :] + rest
            size = _size(held)
        if repeated and len(held) == repeated and size + piece.weight > LIMIT:
            held, size, repeated = [], 0, 0
        held.append(piece)
        size += piece.weight
    last = held[repeated:]
    if before and _size(last) < _LEAST and _size(before) + _size(last) <= LIMIT:
        before, held = before + last, []
    for group in (before, held):
        if group:
            yield group[0].start, group[-1].end


def _size(pieces: list[Piece]) -> int:
    return sum(piece.weight for piece in pieces)


def _is_full(size: int, piece: Piece) -> bool:
    """Return whether a passage of this size should end before `piece`, or somewhat earlier."""
    if piece.division == SECTION and size >= _LEAST:
        return True
    return size >= TARGET or size + piece.weight > LIMIT


def _where_to_end(held: list[Piece], piece: Piece) -> int:
    """Return how many pieces the passage keeps: up to the strongest division, then the latest."""
    size, best, strongest = 0, len(held), piece.division + 1
    for count, (part, after) in enumerate(pairwise(held), 1):
        size += part.weight
        if size >= _FEWEST and after.division >= strongest:
            best, strongest = count, after.division
    return best
