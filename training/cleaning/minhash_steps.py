"""The steps of near_duplicates, as datatrove's executors run them."""

import gzip
import json
import resource
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from datatrove.data import Document
from datatrove.io import get_datafolder
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.utils.hashing import HashConfig
from numpy.typing import NDArray

from training.cleaning.records import text_of
from training.cleaning.units import Hashes, distinct, units, windows

CONFIG = MinhashConfig(
    n_grams=5,
    num_buckets=14,
    hashes_per_bucket=8,
    seed=1,
    hash_config=HashConfig(precision=32, hash_fc="sha1"),
)
_AT_ONCE = 512
"""n-grams that are hashed at once: what fits the processor's cache."""
_PAIRS_AT_ONCE = 1 << 22
_OPEN_FILES = 1 << 14
"""Files that a process may open; systems usually allow 1,024 unless it asks for more."""


@dataclass(frozen=True)
class ReadRecords:
    """Yields the records of files[rank]."""

    files: Sequence[Path]

    def __call__(self, _data: None, rank: int, _world_size: int) -> Iterator[Document]:
        """Yield one document for each line."""
        with gzip.open(self.files[rank], "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines):
                yield Document(text=text_of(json.loads(line)), id=str(number))


class Signatures(MinhashDedupSignature):
    """Writes the signatures of the documents: of n-grams of units, in Chinese and English.

    datatrove's own would need a word segmenter for each language, hashes n-grams one by one in
    Python, and holds 900 bytes a word of the longest document.
    """

    def __init__(self, folder: Path) -> None:
        PipelineStep.__init__(self)  # what lies between would load a tokenizer
        self.output_folder = get_datafolder(str(folder))
        self.config = CONFIG
        self.skip_existing_sigs = False
        generator = np.random.default_rng(CONFIG.seed)
        count = CONFIG.num_buckets * CONFIG.hashes_per_bucket
        self._factors = generator.integers(1 << 32, size=count, dtype=np.uint32) | np.uint32(1)
        self._summands = generator.integers(1 << 32, size=count, dtype=np.uint32)

    def get_shingles(self, text: str) -> Hashes:
        """Return the hash of every n-gram of units."""
        return windows(units(text)[0], CONFIG.n_grams)

    def get_signature(self, shingles: Hashes) -> list[list[int]]:
        """Return, bucket by bucket, the least value of each hash function over all n-grams."""
        values = (shingles >> np.uint64(32)).astype(np.uint32)
        least = np.full(len(self._factors), 0xFFFFFFFF, np.uint32)
        for start in range(0, len(values), _AT_ONCE):
            hashed = self._factors[:, None] * values[start : start + _AT_ONCE]
            hashed += self._summands[:, None]
            np.minimum(least, hashed.min(axis=1), out=least)
        # The pairs step takes the largest value for the end of its range.
        least = np.minimum(least, 0xFFFFFFFE)
        return [part.tolist() for part in np.split(least, CONFIG.num_buckets)]


class Pairs(MinhashDedupBuckets):
    """Writes the pairs of documents with the same hashes in one bucket."""

    def __init__(self, signatures: Path, out: Path) -> None:
        super().__init__(str(signatures), str(out), config=CONFIG, lines_to_buffer=1000)

    def run(self, data: None = None, rank: int = 0, world_size: int = 1) -> None:
        """Merge the sorted signatures of all files, which are all open at once."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < _OPEN_FILES:
            most = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        super().run(data, rank, world_size)


@dataclass(frozen=True)
class KeepFirst:
    """Joins the pairs to groups and writes all but the first of each group as to be removed.

    datatrove's own step keeps an arbitrary one, and takes about 300 bytes a duplicate.
    """

    pairs: Path
    out: Path

    def __call__(self, _data: None, _rank: int, _world_size: int) -> None:
        """Write the .remove files."""
        nodes = np.empty(0, np.uint64)
        for first, second in self._read():
            nodes = distinct(nodes, first, second)
        group = np.arange(len(nodes))
        for first, second in self._read():
            _unite(group, np.searchsorted(nodes, first), np.searchsorted(nodes, second))
        removed = nodes[group != np.arange(len(nodes))]
        files = (removed >> np.uint64(32)).astype(np.int64)
        for index in np.flatnonzero(np.bincount(files)):
            lines = removed[slice(*np.searchsorted(files, (index, index + 1)))].astype("<u4")
            (self.out / f"{index:06d}.remove").write_bytes(lines.tobytes())

    def _read(self) -> Iterator[tuple[Hashes, Hashes]]:
        """Yield pairs of documents, each as file · 2^32 + line."""
        for path in sorted(self.pairs.glob("*.dups")):
            numbers = np.memmap(path, "<u4", "r") if path.stat().st_size else np.empty(0, "<u4")
            for start in range(0, len(numbers), 4 * _PAIRS_AT_ONCE):
                piece = numbers[start : start + 4 * _PAIRS_AT_ONCE].reshape(-1, 4).astype(np.uint64)
                documents = piece[:, ::2] << np.uint64(32) | piece[:, 1::2]
                yield documents[:, 0], documents[:, 1]


def _unite(group: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64]) -> None:
    """Make the groups of each pair one; group[i] leads towards the first member of i's group."""
    while True:
        while not np.array_equal(shorter := group[group], group):
            group[:] = shorter
        a, b = group[first], group[second]
        if np.array_equal(a, b):
            return
        np.minimum.at(group, np.maximum(a, b), np.minimum(a, b))
