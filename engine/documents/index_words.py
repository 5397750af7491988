"""What of texts goes into the index, for many texts at once.

The words are those of engine.documents.words. Found with arrays over all characters, they cost
a fifth of the time: a large library is read in minutes instead of an hour.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engine.documents.words import stems_of
from engine.search_text import RUN, WORD, fold

Codes = NDArray[np.uint32]

_OTHER, _WORD, _UNSPACED, _SEVERAL = range(1, 5)
"""What a folded character is; a character that becomes several of them, or none."""
_KIND_SHIFT = 24
_CODE = (1 << _KIND_SHIFT) - 1
_CODE_BITS = 21
_CODE_POINTS = 0x110000
_END = "\0"
"""Stands behind each text but the last."""
_SPACE = ord(" ")


def index_words(texts: Iterable[str]) -> list[str]:
    """Return for each text its words, with spaces between them: pairs of characters once each."""
    parts = [text.replace(_END, " ") for text in texts]
    if not parts:
        return []
    values = _CHARACTERS.fold(_END.join(parts))
    kinds, codes = values >> np.uint32(_KIND_SHIFT), values & np.uint32(_CODE)
    ends = codes == ord(_END)
    words = np.where((kinds == _WORD) | ends, codes, np.uint32(_SPACE))
    pairs = _pairs(codes, kinds == _UNSPACED, np.flatnonzero(ends))
    return [
        " ".join((pair, *stems_of(part.split())))
        for pair, part in zip(pairs, _text(words).split(_END), strict=True)
    ]


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
        several = np.flatnonzero(values >> _KIND_SHIFT == _SEVERAL)
        return self._divided(values, several) if len(several) else values

    def _divided(self, values: Codes, several: NDArray[np.intp]) -> Codes:
        """Put in what the characters at the places `several` become."""
        parts = [self._parts[place] for place in (values[several] & _CODE).tolist()]
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
        return _UNSPACED
    return _WORD if WORD.match(character) else _OTHER


def _pairs(codes: Codes, unspaced: NDArray[np.bool_], ends: NDArray[np.intp]) -> Sequence[str]:
    """Return for each text its pairs of characters, and characters that stand alone."""
    before = np.concatenate(([False], unspaced[:-1]))
    after = np.concatenate((unspaced[1:], [False]))
    places = np.flatnonzero(unspaced & (after | ~before))
    second = np.where(after, np.append(codes[1:], _SPACE), _SPACE)[places]
    keys = np.searchsorted(ends, places).astype(np.int64)
    for part in (codes[places], second):
        keys = keys << _CODE_BITS | part
    keys.sort()  # several times as fast as np.unique
    keys = keys[np.append(True, keys[1:] != keys[:-1])] if len(keys) else keys
    starts = np.searchsorted(keys, np.arange(len(ends) + 2) << 2 * _CODE_BITS)
    letters = np.full((len(keys), 3), _SPACE, np.uint32)
    letters[:, 0] = keys >> _CODE_BITS & (1 << _CODE_BITS) - 1
    letters[:, 1] = keys & (1 << _CODE_BITS) - 1
    text, edges = _text(letters), (starts * 3).tolist()
    return [text[start:end] for start, end in pairwise(edges)]


def _text(codes: Codes) -> str:
    return codes.astype("<u4", copy=False).tobytes().decode("utf-32-le")
