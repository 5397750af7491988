"""Promotional and unwanted text, by how densely it uses the phrases of words.toml."""

import tomllib
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from training.cleaning.normalise import tidy
from training.cleaning.records import Rewriter
from training.cleaning.units import Hashes, units, windows

_FILE = Path(__file__).with_suffix(".toml")
_BITS = 16
"""Hash bits of the tables that say quickly that no phrase begins here."""
_FEW = 6
"""Units: one phrase alone does not make a short text promotional."""


@dataclass(kw_only=True)
class Words(Rewriter):
    """Refuses texts full of promotional or sensitive phrases; removes a page's boilerplate lines.

    A phrase here and there is how people write, so it is the density that decides: the share of
    the units (see units.py) of a text, or of a line, that stand in a listed phrase.
    """

    name: ClassVar[str] = "words"
    promotional: float = 0.08
    """A text is refused above this density of promotional phrases."""
    sensitive: float = 0.05
    """A text is refused above this density of sensitive phrases."""
    boilerplate: float = 0.25
    """A line is removed from this density of boilerplate phrases on."""

    def clean(self, text: str) -> str | None:
        """Return the text without boilerplate lines, or None if it is refused."""
        hashes, starts = units(text)
        found = _phrases().find(hashes)
        if not found:
            return text
        covered = Counter(found.values())
        for category, limit in (("promotional", self.promotional), ("sensitive", self.sensitive)):
            if covered[category] > max(limit * len(hashes), _FEW):
                self.counts[category] += 1
                return None
        boilerplate = [i for i, category in found.items() if category == "boilerplate"]
        return self._without_lines(text, starts, starts[boilerplate]) if boilerplate else text

    def _without_lines(
        self, text: str, starts: NDArray[np.int64], covered: NDArray[np.int64]
    ) -> str:
        """Remove the lines of which enough units, from `starts`, are among `covered`."""
        lines = text.split("\n")
        ends = np.cumsum([len(line) + 1 for line in lines])
        inside, all_units = (
            np.bincount(np.searchsorted(ends, positions, side="right"), minlength=len(lines))
            for positions in (covered, starts)
        )
        removed = (inside > 0) & (inside >= self.boilerplate * all_units)
        self.counts["boilerplate lines"] += int(removed.sum())
        return tidy("\n".join(line for line, gone in zip(lines, removed, strict=True) if not gone))


class _Phrases:
    """Finds listed phrases among the units of a text."""

    def __init__(self, lists: dict[str, list[str]]) -> None:
        self._categories: dict[tuple[int, ...], str] = {}
        self._lengths: dict[tuple[int, ...], set[int]] = {}
        """How long the phrases are that begin with a unit, or with two."""
        self._tables = np.zeros((2, 1 << _BITS), np.bool_)
        for category, phrases in lists.items():
            for phrase in phrases:
                hashes, _ = units(phrase)
                key = tuple(hashes.tolist())
                self._categories[key] = category
                self._lengths.setdefault(key[:2], set()).add(len(key))
                head = windows(hashes, 2) if len(key) > 1 else hashes
                self._tables[min(len(key), 2) - 1, head[:1].astype(np.uint16)] = True

    def find(self, hashes: Hashes) -> dict[int, str]:
        """Return the category of every unit that stands in a phrase, by the unit's index."""
        found: dict[int, str] = {}
        for length, table in enumerate(self._tables, 1):
            heads = windows(hashes, 2) if length == 2 else hashes
            for begin in np.flatnonzero(table.take(heads.astype(np.uint16))).tolist():
                found |= self._at(hashes, begin, length)
        return found

    def _at(self, hashes: Hashes, begin: int, head: int) -> dict[int, str]:
        """Return what begins with the `head` units at `begin`."""
        units_here = tuple(hashes[begin : begin + head].tolist())
        for length in sorted(self._lengths.get(units_here, ()), reverse=True):
            key = tuple(hashes[begin : begin + length].tolist())
            if category := self._categories.get(key):
                return dict.fromkeys(range(begin, begin + length), category)
        return {}


@lru_cache(maxsize=1)
def _phrases() -> _Phrases:
    lists = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return _Phrases({category: [*by["zh"], *by["en"]] for category, by in lists.items()})
