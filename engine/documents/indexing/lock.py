"""One indexer at a time for a library, whatever becomes of its process."""

import sqlite3
from pathlib import Path


class IndexerLock:
    """The right to index a library. SQLite's own lock on a file beside it: a death frees it."""

    def __init__(self, library: Path) -> None:
        self._connection = sqlite3.connect(
            library.with_name(library.name + "-indexer"), timeout=0, isolation_level=None
        )

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
