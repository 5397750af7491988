"""Where a text may be divided, and how much it would mind."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from engine.search_text import Span

_WIDE = ((0x2E80, 0x9FFF), (0xF900, 0xFAFF), (0xFF00, 0xFFEF), (0x20000, 0x3FFFF))
"""Characters that say as much as several letters."""
_WEIGHTS = bytearray(b"\1") * 0x110000
for _first, _last in _WIDE:
    _WEIGHTS[_first : _last + 1] = b"\3" * (_last + 1 - _first)
_CLOSERS = "\"'”’」』）)\\]】》〉"
# What may end a sentence or a line; it begins with one set of characters, which is found fast.
_BREAK = re.compile(
    r"[。！？….!?\r\n](?:"
    r"(?<=[\r\n])\s*"
    rf"|(?<=[。！？…])[。！？…!?]*[{_CLOSERS}]*\s*"  # Chinese sentences need no space after them
    rf"|[.!?]*[{_CLOSERS}]*\s+)"
)
_QUOTE_BREAK = re.compile(rf"{_BREAK.pattern}|[;；][{_CLOSERS}]*\s*")
"""What is quoted may be shorter: a semicolon ends it, too."""
_LINE = re.compile(r"(?:\r\n|\r|\n)")
_SEPARATORS = (re.compile(r"\t"), re.compile(r",(?! |$)"))
"""What stands between the cells of a table: as many in each of its rows."""
_BLANK_LINE = re.compile(r"(?:\r\n|\r|\n)[^\S\r\n]*(?:\r\n|\r|\n)")
_ITEM = re.compile(
    r"(?:[-*+•·●◦▪–—>|]|\d{1,3}[.)、]|[(（][^\s()（）]{1,4}[)）]|[一二三四五六七八九十]+、)"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|Gen|Col|Lt|Sgt|St|Jr|Sr|Ave|Mt|Ft|vs|etc|e\.g|i\.e|cf|ca|"
    r"al|approx|Fig|Figs|Eq|No|Nos|Vol|pp|Ch|Sec|Inc|Ltd|Co|Corp|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)|^\s*\d+)\.$"
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


def weights(text: str) -> Sequence[int]:
    """Return the size of text[:n] for each n, in Latin letters.

    Four of them are about a token, and so is 1⅓ Chinese characters.
    """
    if text.isascii():
        return range(len(text) + 1)
    import numpy as np  # takes longer than reading most files, of which many are ASCII

    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    sizes = np.zeros(len(codes) + 1, np.int32)
    np.cumsum(np.frombuffer(_WEIGHTS, np.uint8)[codes], dtype=np.int32, out=sizes[1:])
    # A view of memory gives Python's own numbers, and fast.
    return sizes.data


def sentences(
    text: str, sizes: Sequence[int], start: int, end: int, limit: int, division: int
) -> Iterator[Piece]:
    """Yield the sentences of text[start:end]; those larger than `limit` in pieces.

    `sizes` are the `weights` of the text, `division` is what divides it from what is before.
    """
    at = start
    for match in _BREAK.finditer(text, start, end):
        stop = match.end()
        found = _division(text, at, match)
        if found is not None and stop < end:
            size = sizes[stop] - sizes[at]
            if size <= limit:
                yield Piece(at, stop, size, division)
            else:
                yield from _pieces(text, sizes, at, stop, limit, division)
            at, division = stop, found
    if at < end:
        yield from _pieces(text, sizes, at, end, limit, division)


def sentences_of(text: str) -> list[Span]:
    """Return where the sentences are that can be quoted, without the blanks around them."""
    spans: list[Span] = []
    at = 0
    for match in _QUOTE_BREAK.finditer(text):
        if _division(text, at, match) is not None:
            spans.append(trimmed(text, at, match.end()))
            at = match.end()
    spans.append(trimmed(text, at, len(text)))
    return [row for start, end in spans if start < end for row in _rows(text, start, end)]


def _rows(text: str, start: int, end: int) -> list[Span]:
    """Return the rows of what is a table, else all of it as one: a row can be quoted alone."""
    ends = [match.span() for match in _LINE.finditer(text, start, end)]
    if not ends:
        return [(start, end)]
    places = [start, *(after for _, after in ends)]
    rows = list(zip(places, [*(before for before, _ in ends), end], strict=True))
    for separator in _SEPARATORS:
        counts = {len(separator.findall(text, *row)) for row in rows}
        if len(counts) == 1 and 0 not in counts:
            return [(a, b) for a, b in (trimmed(text, *row) for row in rows) if a < b]
    return [(start, end)]


def trimmed(text: str, start: int, end: int) -> Span:
    """Leave out the white space at both ends of text[start:end]."""
    part = text[start:end]
    return end - len(part.lstrip()), start + len(part.rstrip())


def lines(
    text: str, sizes: Sequence[int], start: int, end: int, limit: int, division: int
) -> Iterator[Piece]:
    """Yield the lines of code or of a table; a part after a blank line counts as a paragraph."""
    at = start
    while at < end:
        match = _LINE.search(text, at, end)
        stop = match.end() if match else end
        yield from _pieces(text, sizes, at, stop, limit, division)
        blank = not text[at:stop].strip()
        division = LINE
        if blank:
            division = LINE if text[stop : stop + 1] in (" ", "\t") else PARAGRAPH
        at = stop


def _division(text: str, start: int, match: re.Match[str]) -> int | None:
    """Return what a match of _BREAK divides, None if it stands within a sentence."""
    found = match[0]
    if len(found) == 1 and not found.isspace():  # as most Chinese sentences end
        return SENTENCE
    is_broken = "\n" in found or "\r" in found
    if is_broken and _BLANK_LINE.search(found):
        return PARAGRAPH
    if found[0] == "." and (
        text[match.end() : match.end() + 1].islower()
        or _ABBREVIATION.search(text, max(start, match.start() - _LOOK_BACK), match.start() + 1)
    ):
        return None
    if is_broken:
        # A line that is broken within a sentence goes on; one that begins with a mark does not.
        is_mark = not found[0].isspace()
        return LINE if is_mark or _ITEM.match(text, match.end()) or "\u3000" in found else None
    return SENTENCE


def _pieces(
    text: str, sizes: Sequence[int], start: int, end: int, limit: int, division: int
) -> Iterator[Piece]:
    """Yield text[start:end] whole, or divided where it hurts least."""
    while sizes[end] - sizes[start] > limit:
        stop = _best_stop(text, sizes, start, end, limit)
        if stop >= end:
            break
        yield Piece(start, stop, sizes[stop] - sizes[start], division)
        start, division = stop, SENTENCE
    if start < end:
        yield Piece(start, end, sizes[end] - sizes[start], division)


def _best_stop(text: str, sizes: Sequence[int], start: int, end: int, limit: int) -> int:
    """Return where to divide: after a line, a clause, a word; within a word if it must be."""
    last = bisect_right(sizes, sizes[start] + limit, start, end + 1) - 1
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
