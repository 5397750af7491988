"""Who writes to a library next: so that one that writes without a pause shuts nobody out.

SQLite lets those who wait for its lock look for it every tenth of a second; one that takes it
again at once, as the indexer does, would never be overtaken. Here one waits with the right to
be next, and the other stands behind it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.database import BUSY_SECONDS, create_file, sqlite_errors

SUFFIX = "-turn"


class Turn:
    """The right to be the next who writes. SQLite's own lock on a file: a death frees it."""

    def __init__(self, library: Path) -> None:
        self._library = library
        self._connection: sqlite3.Connection | None = None

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Be the next while the writing begins. Raises StoreError if it never comes."""
        with sqlite_errors(self._library):
            connection = self._open()
            connection.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            path = self._library.with_name(self._library.name + SUFFIX)
            create_file(path)  # SQLite would let others read it
            self._connection = sqlite3.connect(path, BUSY_SECONDS, isolation_level=None)
        return self._connection
