"""No text that a model is tested on may be in what it learns from: 13-grams in common go."""

import gzip
import json
import lzma
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.errors import DataError
from training.cleaning.normalise import tidy
from training.cleaning.records import Record, map_texts, texts_of
from training.cleaning.units import Hashes, distinct, units, windows

LENGTH = 13
"""Units of an n-gram, as in GPT-3 (arXiv 2005.14165): 13 English words, 13 Chinese characters, or
13 of both in one row; what a unit is, units.py says. Shorter texts have none."""
_FILTER_BITS = 26
_AT_ONCE = 1 << 22
"""Characters of evaluation items that are hashed together."""


@dataclass(kw_only=True)
class Decontamination:
    """Removes what shares a 13-gram with an evaluation item. Make one for all sources.

    Of a document the paragraphs go that the 13-gram touches; a conversation or a preference
    pair goes as a whole. The index holds 64-bit hashes: 8 bytes for each 13-gram of the
    evaluation files, and 8 MB.
    """

    name: ClassVar[str] = "decontamination"
    counts: Counter[str] = field(default_factory=Counter, init=False, repr=False)
    _index: "_Index" = field(init=False, repr=False)
    files: Sequence[Path]

    def __post_init__(self) -> None:
        self._index = _Index(text for path in self.files for text in read_strings(path))

    def __call__(self, record: Record) -> Record | None:
        """Return the record without evaluation text, or None if it is left out."""
        if "text" in record:
            return map_texts(record, self._clean)
        return None if len(self._index.find(_ngrams(list(texts_of(record))))) else record

    def _clean(self, text: str) -> str | None:
        hashes, starts = units(text)
        found = self._index.find(windows(hashes, LENGTH))
        if not len(found):
            return text
        lines = text.split("\n")
        ends = np.cumsum([len(line) + 1 for line in lines])
        # An n-gram touches every line from that of its first unit to that of its last.
        first = np.searchsorted(ends, starts[found], side="right")
        last = np.searchsorted(ends, starts[found + LENGTH - 1], side="right")
        touched = {line for a, b in zip(first, last, strict=True) for line in range(a, b + 1)}
        self.counts["paragraphs"] += sum(bool(lines[i]) for i in touched)
        return tidy("\n".join(line for i, line in enumerate(lines) if i not in touched))


class _Index:
    """The 13-grams of the evaluation items: sorted hashes behind a table of single bits."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._sorted = _unique_ngrams(texts)
        self._filter = np.zeros(1 << (_FILTER_BITS - 3), np.uint8)
        places, bits = self._place(self._sorted)
        np.bitwise_or.at(self._filter, places, bits)

    def find(self, ngrams: Hashes) -> NDArray[np.intp]:
        """Return the indices of those n-grams that the evaluation items have."""
        places, bits = self._place(ngrams)
        likely = np.flatnonzero(self._filter.take(places) & bits)
        if not len(likely):
            return likely
        wanted = ngrams[likely]
        nearest = np.searchsorted(self._sorted, wanted).clip(max=len(self._sorted) - 1)
        return likely[self._sorted[nearest] == wanted]

    def _place(self, ngrams: Hashes) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Return the byte of the filter, and the bit in it, that an n-gram sets."""
        places = (ngrams >> np.uint64(64 - _FILTER_BITS + 3)).astype(np.int64)
        return places, np.uint8(1) << (ngrams >> np.uint64(8) & np.uint64(7)).astype(np.uint8)


def _unique_ngrams(texts: Iterable[str]) -> Hashes:
    known, batch, size = np.empty(0, np.uint64), list[str](), 0
    for text in texts:
        if len(text) < LENGTH:
            continue
        batch.append(text)
        size += len(text)
        if size > _AT_ONCE:
            known, batch, size = distinct(known, _ngrams(batch)), [], 0
    return distinct(known, _ngrams(batch))


def _ngrams(texts: list[str]) -> Hashes:
    """Return the n-grams of each text; none crosses from one to the next."""
    hashes, starts = units("\n".join(texts))
    owner = np.searchsorted(np.cumsum([len(text) + 1 for text in texts]), starts, side="right")
    return windows(hashes, LENGTH)[owner[: 1 - LENGTH] == owner[LENGTH - 1 :]]


def read_strings(path: Path) -> Iterator[str]:
    """Yield every string in a file of evaluation items, in any of the formats these come in.

    .json and .jsonl give the strings inside, however deep; any other file its lines, split at
    tabs. Each may be packed as .xz or .gz. Raises DataError if the file is damaged.
    """
    name = path.name.removesuffix(".xz").removesuffix(".gz")
    try:
        with _open(path) as file:
            if name.endswith(".json"):
                yield from _strings(json.load(file))
            elif name.endswith(".jsonl"):
                for line in file:
                    yield from _strings(json.loads(line))
            else:
                for line in file:
                    yield from line.split("\t")
    except (OSError, EOFError, lzma.LZMAError, ValueError) as error:
        raise DataError(
            "{path} is damaged or not in the expected format ({detail}); fetch it again.",
            path=path,
            detail=error,
        ) from error


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def _open(path: Path) -> IO[str]:
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8")
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")
