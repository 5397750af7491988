"""Text as units: what n-grams, language model and MinHash are counted in, zh and en alike.

A unit is one Chinese (or Japanese) character, or one run of other letters and digits: "GPU 很快"
has three. Case, width (ＡＢ = ab) and all punctuation are ignored. Units are 64-bit hashes in
numpy arrays, made without a Python loop over the characters.
"""

import unicodedata
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

_IDEOGRAPHS = (
    (0x2E80, 0x2FDF),
    (0x3005, 0x3007),
    (0x3040, 0x312F),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x323AF),
)
_ALONE = 1 << 31
"""Marks a character that is a unit by itself."""
_IDEOGRAPH = np.uint64(1)
"""The lowest bit of a hash tells whether the unit is an ideograph."""
_BASE = 0x9E3779B97F4A7C15
_PIECE = 1 << 20
"""Characters handled at once, so that a huge document needs no huge arrays."""


@lru_cache(maxsize=2)
def units(text: str) -> tuple[Hashes, NDArray[np.int64]]:
    """Return the hash and the first character's index of each unit of `text`.

    The last answers are kept: several stages ask for the same text in turn.
    """
    if len(text) <= _PIECE:
        return _units_of_piece(text)
    hashes, starts, begin = [], [], 0
    while begin < len(text):
        end = begin + _PIECE
        # A line break ends a piece where there is one; a word is cut only where a line is longer.
        end = (text.rfind("\n", begin, end) + 1 or end) if end < len(text) else len(text)
        piece_hashes, piece_starts = _units_of_piece(text[begin:end])
        hashes.append(piece_hashes)
        starts.append(piece_starts + begin)
        begin = end
    return np.concatenate(hashes), np.concatenate(starts)


def windows(hashes: Hashes, length: int) -> Hashes:
    """Return the hash of every run of `length` neighbouring units, in their order.

    All bits but the lowest are well mixed.
    """
    if len(hashes) <= _PIECE:
        return _windows_of_piece(hashes, length)
    step = _PIECE - length + 1
    pieces = [hashes[i : i + _PIECE] for i in range(0, len(hashes) - length + 1, step)]
    return np.concatenate([_windows_of_piece(piece, length) for piece in pieces])


def chinese_share(hashes: Hashes) -> float:
    """Return which share of the units of a text are ideographs; 0 if it has none."""
    return float((hashes & _IDEOGRAPH).mean()) if len(hashes) else 0.0


def distinct(*parts: Hashes) -> Hashes:
    """Return all hashes once, sorted. (np.unique of numpy 2.4 takes 70 times as long.)"""
    values = np.sort(np.concatenate(parts))
    return values[np.append(True, values[1:] != values[:-1])[: len(values)]]


def _units_of_piece(text: str) -> tuple[Hashes, NDArray[np.int64]]:
    folded = _folding_table().take(_code_points(text))
    inside = folded != 0
    alone = folded >= _ALONE
    # A unit begins where a letter follows none, or where it or its neighbour stands alone.
    begins = inside.copy()
    begins[1:] &= ~inside[:-1] | alone[1:] | alone[:-1]
    starts = np.flatnonzero(begins)
    if not len(starts):
        return np.empty(0, np.uint64), starts
    powers, inverses = _powers()
    # Σ character · BASE^position, then divided by BASE^start, modulo 2^64.
    sums = np.cumsum(folded * powers[: len(folded)])
    hashes = np.empty(len(starts), np.uint64)
    hashes[:-1], hashes[-1] = sums[starts[1:] - 1], sums[-1]
    hashes[1:] -= hashes[:-1].copy()
    hashes = _spread(hashes * inverses[starts]) << np.uint64(1)
    return hashes | alone[starts], starts


def _windows_of_piece(hashes: Hashes, length: int) -> Hashes:
    count = len(hashes) - length + 1
    if count <= 0:
        return np.empty(0, np.uint64)
    powers, inverses = _powers()
    # Σ unit · BASE^index over all units before each, whose differences are runs.
    sums = np.zeros(len(hashes) + 1, np.uint64)
    np.cumsum(hashes * powers[: len(hashes)], out=sums[1:])
    return (sums[length:] - sums[:-length]) * inverses[:count]


def _spread(values: Hashes) -> Hashes:
    """Spread the bits of 64-bit values, in place."""
    values ^= values >> np.uint64(32)
    values *= np.uint64(0xD6E8FEB86659FD93)
    values ^= values >> np.uint64(32)
    return values


def _code_points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


@lru_cache(maxsize=1)
def _powers() -> tuple[Hashes, Hashes]:
    """Return BASE^i and BASE^-i modulo 2^64 for every position in a piece."""
    tables = []
    for base in (_BASE, pow(_BASE, -1, 1 << 64)):
        factors = np.full(_PIECE, base, np.uint64)
        factors[0] = 1
        tables.append(np.multiply.accumulate(factors))
    return tables[0], tables[1]


@lru_cache(maxsize=1)
def _folding_table() -> NDArray[np.uint32]:
    """Return, per code point, 0 outside units, else the folded character, marked if alone."""
    table = np.zeros(0x110000, np.uint32)
    for code in range(0x20000):
        character = chr(code)
        if unicodedata.category(character)[0] in "LNM":
            plain = unicodedata.normalize("NFKC", character).lower()
            table[code] = ord(plain) if len(plain) == 1 else code
    for first, last in _IDEOGRAPHS:
        codes = np.arange(first, last + 1)
        table[codes[codes >= 0x20000]] = codes[codes >= 0x20000]
        letters = codes[table[codes] != 0]
        table[letters] |= np.uint32(_ALONE)
    return table
