"""Lines that are not readable: lost characters, wrong encodings, drawings made of symbols."""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from training.cleaning.normalise import tidy
from training.cleaning.records import Rewriter

_BLANK, _LETTER, _HAN, _RARE_HAN, _HIGH_LATIN, _SIGN, _BROKEN = range(7)
_DEBRIS = ("锟斤拷", "烫烫烫", "屯屯屯")
"""What lost characters and empty memory look like in GBK."""


@dataclass(kw_only=True)
class Garbled(Rewriter):
    """Removes unreadable lines, and refuses a text that mostly consists of them.

    Chinese read in the wrong encoding shows as rare characters (UTF-8 read as GBK) or as
    accented letters (GBK read as Latin-1).
    """

    name: ClassVar[str] = "garbled"
    signs: float = 0.5
    """A line goes if a larger share of its visible characters, at least 20, are signs; 1 keeps
    drawings and source code."""
    rare_characters: float = 0.25
    """A line goes if a larger share of its Chinese characters, at least 4, is outside GB 2312 and
    the common level of Big5."""
    accented_letters: float = 0.4
    """A line goes if a larger share of its letters, at least 8, is between U+00C0 and U+00FF."""
    removed: float = 0.5
    """A text is refused if a larger share of its characters is removed."""

    def clean(self, text: str) -> str | None:
        """Return the readable lines, or None if they are too few."""
        if self.signs >= 1 and _is_plain(text):
            return text
        lines = text.split("\n")
        unreadable = self._unreadable(lines, text)
        if not unreadable:
            return text
        self.counts["lines"] += len(unreadable)
        kept = tidy("\n".join(line for i, line in enumerate(lines) if i not in unreadable))
        return kept if len(kept) >= (1 - self.removed) * len(text) else None

    def _unreadable(self, lines: list[str], text: str) -> set[int]:
        """Return the indices of the lines to remove."""
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        kinds = _kind_table().take(codes)
        line_of = np.cumsum(codes == ord("\n"))
        table = np.bincount(line_of * 8 + kinds, minlength=8 * len(lines)).reshape(-1, 8)
        letters, han, rare, high, signs, broken = table.T[_LETTER : _BROKEN + 1]
        visible = letters + han + rare + high + signs + broken
        bad = (signs > self.signs * visible) & (visible >= 20)
        bad |= (rare > self.rare_characters * (han + rare)) & (rare >= 4)
        bad |= (high > self.accented_letters * (letters + high)) & (high >= 8)
        bad |= broken > 0
        unreadable = set(np.flatnonzero(bad).tolist())
        for debris in _DEBRIS:
            if debris in text:
                unreadable |= {i for i, line in enumerate(lines) if debris in line}
        return unreadable


def _is_plain(text: str) -> bool:
    """Tell quickly of much text that no character in it is lost or rare."""
    try:
        text.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return not any(debris in text for debris in _DEBRIS)


@lru_cache(maxsize=1)
def _kind_table() -> NDArray[np.uint8]:
    """Return the kind of every code point."""
    table = np.full(0x110000, _BROKEN, np.uint8)
    for code in range(0x20000):
        category = unicodedata.category(chr(code))
        if category[0] == "Z" or category in ("Cc", "Cf"):
            table[code] = _BLANK
        elif category[0] in "LNM":
            table[code] = _HIGH_LATIN if 0xC0 <= code <= 0xFF else _LETTER
        elif category[0] in "PS":
            table[code] = _SIGN
    table[0xFFFD] = _BROKEN
    for first, last in ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0x20000, 0x323AF)):
        table[first : last + 1] = _RARE_HAN
    table[[ord(character) for character in _common_han()]] = _HAN
    return table


def _common_han() -> str:
    """Return the characters of GB 2312 and of the first level of Big5."""
    simplified = bytes(
        byte for lead in range(0xB0, 0xF8) for trail in range(0xA1, 0xFF) for byte in (lead, trail)
    )
    tails = (*range(0x40, 0x7F), *range(0xA1, 0xFF))
    traditional = bytes(
        byte for lead in range(0xA4, 0xC7) for trail in tails for byte in (lead, trail)
    )
    return simplified.decode("gb2312", "ignore") + traditional.decode("big5", "ignore")
