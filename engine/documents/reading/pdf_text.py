"""Makes text that reads on out of the lines of a PDF page."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from engine.documents.reading.words import HAN, RADICALS

_HYPHEN = "\ufffe"
"""What pdfium writes for a hyphen at the end of a line, in place of it and the line break."""
_UNNAMED = re.compile("[\x00-\x08\x0b\x0e-\x1f]")
"""What pdfium writes for letters of which the file does not say what they are."""
_GAP = "\ufffd"
_CONTROLS = re.compile("[\x0c\x0d\x7f\u00ad\ufeff\uffff\ud800-\udfff]+")
_PRESENTATION = re.compile("[\u2e80-\u2fdf\ufb00-\ufb06]")
_DIVIDED = re.compile(rf"(\S*){_HYPHEN}(\w?)")
_WIDE = re.compile(f"[{HAN}]")
_STARTS_WITH_WIDE = re.compile(f"[{HAN}]")
_ENDS_WITH_WIDE = re.compile(f"[{HAN}]$")
_NUMBERS = re.compile(r"\d+")
_ENDS_SENTENCE = re.compile(r"[.!?。！？…][\"'”’）)」』]*$")
_EDGE_NUMBER = re.compile(r"^\W*#|#\W*$")
_FULL_LINE = 0.8
"""A line shorter than this share of the long ones has been broken on purpose."""
_GARBLED = re.compile("[\ufffd\ue000-\uf8ff\x00-\x08\x0e-\x1f]")
_HEADS_IN_ROW = 3
_HEADS_SHARE = 0.4
_MAX_EDGE = 150


def is_garbled(text: str) -> bool:
    """Return whether most of a text is characters without meaning."""
    return len(_GARBLED.findall(text)) > 0.3 * len(text)


def running_heads(pages: Sequence[str]) -> frozenset[str]:
    """Return the first and last lines that repeat from page to page, with # for numbers."""
    if len(pages) < _HEADS_IN_ROW:
        return frozenset()
    counts = Counter(edge for page in pages for edge in {_key(line) for line in _edges(page)})
    few = max(_HEADS_IN_ROW, _HEADS_SHARE * len(pages))
    return frozenset(
        key
        for key, count in counts.items()
        if count >= (_HEADS_IN_ROW if _EDGE_NUMBER.search(key) else few)
    )


def flowing(raw: str, heads: frozenset[str] = frozenset()) -> str:
    """Return the text of a page: words undivided, Chinese lines joined, without running heads."""
    lines = _without_heads(raw.split("\r\n"), heads)
    lines = [_tidy(line) for line in lines]
    widths = sorted(_width(line) for line in lines if line)
    if not widths:
        return ""
    full = _FULL_LINE * widths[int(0.9 * (len(widths) - 1))]
    pieces = [lines[0]]
    for before, line in pairwise(lines):
        pieces += (_gap(before, line, full), line)
    return "".join(pieces).strip()


def _edges(page: str) -> list[str]:
    lines = [line for line in page.split("\r\n") if line.strip()]
    edges = lines[:1] + lines[-1:]
    return [line for line in edges if len(line) <= _MAX_EDGE]


def _key(line: str) -> str:
    return _NUMBERS.sub("#", " ".join(line.split()))


def _without_heads(lines: list[str], heads: frozenset[str]) -> list[str]:
    lines = [line for line in lines if line.strip()]
    if lines and heads and _key(lines[0]) in heads:
        lines = lines[1:]
    if lines and heads and _key(lines[-1]) in heads:
        lines = lines[:-1]
    return lines


def _tidy(line: str) -> str:
    line = _DIVIDED.sub(_undivided, line)
    line = _UNNAMED.sub(_GAP, line)  # a number that is silently gone would be a lie
    line = _CONTROLS.sub("", line)
    return _PRESENTATION.sub(_plain, line).strip()


def _undivided(match: re.Match[str]) -> str:
    """Join a divided word, but leave the hyphen where it is likely to be one of its own."""
    before, after = match[1], match[2]
    keep = "-" in before or not after or after.isupper() or after.isdigit()
    return before + ("-" if keep else "") + after


def _plain(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", match[0].translate(RADICALS))


def _width(line: str) -> int:
    return len(line) + len(_WIDE.findall(line))


def _gap(before: str, line: str, full: float) -> str:
    """Return what stands between two lines: a paragraph's end, a line break, or nothing."""
    if _width(before) < full:
        return "\n\n" if _ENDS_SENTENCE.search(before) else "\n"
    if _ENDS_WITH_WIDE.search(before) and _STARTS_WITH_WIDE.match(line):
        return ""
    return "\n"
