"""Where a text may be divided, and how much it would mind."""

import re
import unicodedata
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

WIDE = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
"""For use in a character class: characters that say as much as several letters."""
_WIDE = re.compile(f"[{WIDE}]")
_WIDE_WEIGHT = 3
_CLOSERS = "\"'”’」』）)\\]】》〉"
_BREAK = re.compile(
    rf"[。！？…][。！？…!?]*[{_CLOSERS}]*\s*"  # Chinese sentences need no space after them
    rf"|[.!?]+[{_CLOSERS}]*\s+"
    r"|(?:\r\n|\r|\n)\s*"
)
_LINE = re.compile(r"(?:\r\n|\r|\n)")
_BLANK_LINE = re.compile(r"(?:\r\n|\r|\n)[^\S\r\n]*(?:\r\n|\r|\n)")
_ITEM = re.compile(
    r"(?:[-*+•·●◦▪–—>|]|\d{1,3}[.)、]|[(（][^\s()（）]{1,4}[)）]|[一二三四五六七八九十]+、)"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|etc|e\.g|i\.e|cf|al|Fig|Figs|Eq|No|Nos|Vol|pp|"
    r"Ch|Sec|Inc|Ltd|Co|Corp|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)|^\s*\d+)\.$"
)
_LOOK_BACK = 12
_SOFT = re.compile(r"(?:\r\n|\r|\n)\s*|[，,；;、：:]\s*|\s+")
_LINE_END, _CLAUSE, _SPACE = 2, 1, 0

SENTENCE, LINE, PARAGRAPH, SECTION = range(4)
"""How strong a division is."""


class Piece(NamedTuple):
    """A part that is not divided further: text[start:end], white space at its end included."""

    start: int
    end: int
    weight: int
    division: int
    """What divides it from the piece before."""


def weight(text: str) -> int:
    """Return the size of a text in Latin letters: four are about a token, so is 1⅓ Chinese ones."""
    return len(text) + (_WIDE_WEIGHT - 1) * (0 if text.isascii() else len(_WIDE.findall(text)))


def sentences(text: str, start: int, end: int, limit: int) -> Iterator[Piece]:
    """Yield the sentences of text[start:end]; longer ones than `limit` (a weight) in pieces."""
    at, division = start, PARAGRAPH
    for match in _BREAK.finditer(text, start, end):
        found = _division(text, at, match)
        if found is not None and match.end() < end:
            yield from _pieces(text, at, match.end(), limit, division)
            at, division = match.end(), found
    if at < end:
        yield from _pieces(text, at, end, limit, division)


def lines(text: str, start: int, end: int, limit: int) -> Iterator[Piece]:
    """Yield the lines of code or of a table; a part after a blank line counts as a paragraph."""
    at, division = start, SECTION
    while at < end:
        match = _LINE.search(text, at, end)
        stop = match.end() if match else end
        yield from _pieces(text, at, stop, limit, division)
        blank = not text[at:stop].strip()
        division = LINE
        if blank:
            division = LINE if text[stop : stop + 1] in (" ", "\t") else PARAGRAPH
        at = stop


def _division(text: str, start: int, match: re.Match[str]) -> int | None:
    """Return what a match of _BREAK divides, None if it stands within a sentence."""
    found = match[0]
    if _BLANK_LINE.search(found):
        return PARAGRAPH
    is_mark = not found[0].isspace()
    if found[0] == "." and (
        text[match.end() : match.end() + 1].islower()
        or _ABBREVIATION.search(text, max(start, match.start() - _LOOK_BACK), match.start() + 1)
    ):
        return None
    if "\n" in found or "\r" in found:
        # A line that is broken within a sentence goes on; one that begins with a mark does not.
        return LINE if is_mark or _ITEM.match(text, match.end()) or "\u3000" in found else None
    return SENTENCE


def _pieces(text: str, start: int, end: int, limit: int, division: int) -> Iterator[Piece]:
    """Yield text[start:end] whole, or divided where it hurts least."""
    size = weight(text[start:end])
    while size > limit:
        stop = _best_stop(text, start, end, limit)
        if stop >= end:
            break
        piece = weight(text[start:stop])
        yield Piece(start, stop, piece, division)
        size -= piece
        start, division = stop, SENTENCE
    if start < end:
        yield Piece(start, end, size, division)


def _best_stop(text: str, start: int, end: int, limit: int) -> int:
    """Return where to divide: after a line, a clause, a word; within a word if it must be."""
    window = text[start : min(end, start + limit)]
    sizes = accumulate(_WIDE_WEIGHT if _WIDE.match(letter) else 1 for letter in window)
    last = start + sum(size <= limit for size in sizes)
    best, best_kind = 0, -1
    for match in _SOFT.finditer(text, start + (last - start) // 2, last):
        found = match[0]
        kind = _LINE_END if found[0] in "\r\n" else _SPACE if found[0].isspace() else _CLAUSE
        if kind >= best_kind and match.end() > start:
            best, best_kind = match.end(), kind
    if best:
        return best
    while last > start + 1 and last < end and unicodedata.combining(text[last]):
        last -= 1
    return max(last, start + 1)
