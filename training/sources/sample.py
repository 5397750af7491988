"""A part of a stream that is chosen by hash: the same whenever and wherever it is chosen."""

import hashlib
import json
from collections.abc import Iterator
from typing import IO, Any

import numpy as np

_BUCKETS = 1 << 16


class HashSample:
    """Chooses the records of the lowest hashes that together hold at most `budget` bytes.

    Only as many as may be chosen are spooled to a file, and nothing is kept in memory: the more
    text has passed, the lower must a hash be.
    """

    def __init__(self, budget: float, name: str, spool: IO[bytes]) -> None:
        self._budget = budget
        self._key = name.encode()[:64]
        self._spool = spool
        self._sizes = np.zeros(_BUCKETS, dtype=np.int64)
        self._total = 0
        self._limit = _BUCKETS

    def offer(self, record: dict[str, Any]) -> None:
        """Let one more record pass."""
        # Text before cleaning may hold halves of surrogate pairs, which UTF-8 does not know.
        line = json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
        bucket = self._bucket(line)
        if bucket >= self._limit:
            return
        self._spool.write(line)
        self._sizes[bucket] += len(line)
        self._total += len(line)
        while self._total > self._budget:
            self._limit -= 1
            self._total -= int(self._sizes[self._limit])

    def chosen(self) -> Iterator[dict[str, Any]]:
        """Yield the chosen records in the order in which they passed."""
        self._spool.seek(0)
        for line in self._spool:
            if self._bucket(line) < self._limit:
                yield json.loads(line.decode("utf-8", "surrogatepass"))

    def _bucket(self, line: bytes) -> int:
        digest = hashlib.blake2b(line, digest_size=2, key=self._key).digest()
        return int.from_bytes(digest, "big")
