"""One indexer at a time for a library, whatever becomes of its process."""

import os
import sqlite3
from pathlib import Path


class IndexerLock:
    """The right to index a library. SQLite's own lock on a file beside it: a death frees it."""

    def __init__(self, library: Path) -> None:
        path = library.with_name(library.name + "-indexer")
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite would let others read it
        self._connection = sqlite3.connect(path, timeout=0, isolation_level=None)

    def take(self) -> bool:
        """Return whether the right could be had."""
        try:
            self._connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            return False
        return True

    def close(self) -> None:
        """Give the right back."""
        self._connection.close()
