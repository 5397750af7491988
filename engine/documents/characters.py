"""Folded text as arrays: what engine.search_text finds in one text, for many texts at once."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.search_text import RUN, WORD, fold

Codes = NDArray[np.uint32]
Places = NDArray[np.intp]
OTHER, SPACED, UNSPACED, _SEVERAL = range(1, 5)
"""Of a folded character: of no word, of one with spaces around it, of a script without spaces.

A character that becomes several folded ones, or none, is of the last kind.
"""
SPACE = ord(" ")
_KIND_SHIFT = 24
_CODE = (1 << _KIND_SHIFT) - 1
_CODE_POINTS = 0x110000
_END = "\0"


@dataclass(frozen=True)
class FoldedTexts:
    """Texts behind one another, each but the last with a NUL behind it."""

    codes: Codes
    kinds: Codes
    ends: Places
    """Where the NULs are."""

    def spaced_words(self) -> str:
        """Return nothing but the words with spaces around them, and the NULs."""
        kept = (self.kinds == SPACED) | (self.codes == 0)
        return as_text(np.where(kept, self.codes, np.uint32(SPACE)))

    def texts_at(self, places: Places) -> NDArray[np.int64]:
        """Return which text each place is in; the places are in rising order."""
        bounds = np.concatenate(([0], np.searchsorted(places, self.ends), [len(places)]))
        return np.repeat(np.arange(len(bounds) - 1, dtype=np.int64), np.diff(bounds))


def fold_texts(texts: Iterable[str]) -> FoldedTexts:
    """Return the texts without case, accents and width."""
    values = _CHARACTERS.fold(_END.join(text.replace(_END, " ") for text in texts))
    kinds, codes = values >> np.uint32(_KIND_SHIFT), values & np.uint32(_CODE)
    return FoldedTexts(codes, kinds, np.flatnonzero(codes == 0))


def as_text(codes: Codes) -> str:
    """Return the text of some code points."""
    return codes.astype("<u4", copy=False).tobytes().decode("utf-32-le")


class _Characters:
    """What each character becomes, learned when it is met first."""

    def __init__(self) -> None:
        # Kind and code of what it becomes, or its place among the parts; 0 for one not yet met.
        self._values = np.zeros(_CODE_POINTS, np.uint32)
        self._parts: list[list[int]] = []

    def fold(self, text: str) -> Codes:
        """Return kind and code of each character of the folded text."""
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        values: Codes = self._values[codes]
        unseen = codes[values == 0]
        if len(unseen):
            for code in np.unique(unseen).tolist():
                self._values[code] = self._learn(chr(code))
            values = self._values[codes]
        several = np.flatnonzero(values >> np.uint32(_KIND_SHIFT) == _SEVERAL)
        return self._divided(values, several) if len(several) else values

    def _divided(self, values: Codes, several: Places) -> Codes:
        """Put in what the characters at the places `several` become."""
        parts = [self._parts[place] for place in (values[several] & np.uint32(_CODE)).tolist()]
        lengths = np.ones(len(values), np.intp)
        lengths[several] = list(map(len, parts))
        is_part = np.zeros(len(values), np.bool_)
        is_part[several] = True
        divided = np.repeat(values, lengths)
        divided[np.repeat(is_part, lengths)] = [value for part in parts for value in part]
        return divided

    def _learn(self, character: str) -> int:
        values = [_kind(folded) << _KIND_SHIFT | ord(folded) for folded in fold(character)]
        if len(values) == 1:
            return values[0]
        self._parts.append(values)
        return _SEVERAL << _KIND_SHIFT | len(self._parts) - 1


_CHARACTERS = _Characters()


def _kind(character: str) -> int:
    if RUN.match(character):
        return UNSPACED
    return SPACED if WORD.match(character) else OTHER
