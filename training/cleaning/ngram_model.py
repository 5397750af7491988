"""A small bigram model of Chinese and English, to tell text from what only looks like it.

`python -m training.cleaning.ngram_model FILE… --out FILE` trains one in seconds. The one that
ships, ngram_model.npz, was counted on Wikipedia, public-domain books, textbooks, laws and
dialogues in both languages; it holds hashes and counts, no text.
"""

import argparse
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import DataError
from training.cleaning.units import Hashes, units, windows
from training.command import command, write_atomically

SHIPPED = Path(__file__).with_suffix(".npz")
_CELLS = 1 << 20
_LEVELS = 32
_LEVELS_PER_DOUBLING = 1.5
_RAREST_PAIR = 3
"""Pairs seen less often are not kept."""
_PAIR_WEIGHT = 0.7
_UNSEEN = 0.5
"""What an unknown unit counts."""


@dataclass(frozen=True)
class Surprise:
    """What a text costs, in bits per unit (see units.py)."""

    bits: float
    """Where the unit before each is known: log2 of the perplexity."""
    bits_alone: float
    """Where it is not: what the same units would cost in any order."""


class NgramModel:
    """Counts of units and of pairs of neighbours, in one table of hashed cells.

    A cell of 16 bits remembers the most frequent n-gram that falls into it: 11 bits of its hash
    and 5 of its count (levels of 2^(2/3)). The others count as never seen.
    """

    def __init__(self, cells: NDArray[np.uint16], total: int) -> None:
        self._cells = cells
        self._total = total
        self._counts = np.exp2(np.arange(_LEVELS) / _LEVELS_PER_DOUBLING).astype(np.float32)

    @classmethod
    def train(cls, texts: Iterable[str]) -> "NgramModel":
        """Count the units and pairs of `texts`; memory grows with them (16 bytes a unit)."""
        parts = [units(text)[0] for text in texts]
        singles = np.concatenate(parts)
        pairs = np.concatenate([windows(part, 2) for part in parts])
        hashes, counts = np.unique(singles, return_counts=True)
        pair_hashes, pair_counts = np.unique(pairs, return_counts=True)
        often = pair_counts >= _RAREST_PAIR
        hashes = np.concatenate((hashes, pair_hashes[often]))
        counts = np.concatenate((counts, pair_counts[often]))
        order = np.argsort(counts, kind="stable")  # the most frequent is written last and stays
        places, marks = _place(hashes[order])
        levels = np.rint(np.log2(counts[order]) * _LEVELS_PER_DOUBLING).clip(0, _LEVELS - 1)
        cells = np.zeros(_CELLS, np.uint16)
        cells[places] = marks << np.uint16(5) | levels.astype(np.uint16)
        return cls(cells, len(singles))

    @classmethod
    def load(cls, path: Path) -> "NgramModel":
        """Read a model that `save` wrote. Raises DataError if it is none."""
        try:
            with np.load(path) as file:
                cells, total = file["cells"], int(file["total"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(
                "{path} is damaged or not in the expected format ({detail}); fetch it again.",
                path=path,
                detail=error,
            ) from error
        return cls(cells, total)

    def save(self, path: Path) -> None:
        """Write the model as a numpy file of about 2 MB."""
        file = BytesIO()
        np.savez_compressed(file, cells=self._cells, total=np.int64(self._total))
        write_atomically(path, file.getvalue())

    def surprise(self, text: str) -> Surprise:
        """Measure `text`, of two units or more."""
        hashes, _ = units(text)
        singles = self._look_up(hashes)
        pairs = self._look_up(windows(hashes, 2))
        alone = (singles[1:] + _UNSEEN) / self._total
        after = np.minimum(pairs / np.maximum(singles[:-1], 1), 1)
        bits = np.log2(_PAIR_WEIGHT * after + (1 - _PAIR_WEIGHT) * alone)
        return Surprise(-float(bits.mean()), -float(np.log2(alone).mean()))

    def _look_up(self, hashes: Hashes) -> NDArray[np.float32]:
        """Return about how often each n-gram was seen."""
        places, marks = _place(hashes)
        cells = self._cells.take(places)
        counts = self._counts.take(cells & np.uint16(_LEVELS - 1))
        # An empty cell has the mark 0 of a hash in 2048: then its count is taken as 1.
        return counts * (cells >> np.uint16(5) == marks)


def _place(hashes: Hashes) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    """Return the cell of each n-gram, and the 11 bits of its hash that are kept there."""
    places = (hashes >> np.uint64(8) & np.uint64(_CELLS - 1)).astype(np.int64)
    return places, (hashes >> np.uint64(53)).astype(np.uint16)


@lru_cache(maxsize=1)
def load_ngram_model() -> NgramModel:
    """Return the model that ships, read once. Raises DataError."""
    return NgramModel.load(SHIPPED)


def _texts(paths: list[Path]) -> Iterator[str]:
    for path in paths:
        with path.open(encoding="utf-8") as lines:
            yield from (json.loads(line)["text"] for line in lines)


@command
def main() -> None:
    """Train a model from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m training.cleaning.ngram_model", description=__doc__
    )
    parser.add_argument("files", nargs="+", type=Path, help='JSON Lines of {"text"}')
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    NgramModel.train(_texts(arguments.files)).save(arguments.out)


if __name__ == "__main__":
    main()
