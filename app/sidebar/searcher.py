"""Searches on a thread of its own, so that typing never waits."""

import threading
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Signal

from engine.errors import StoreError
from engine.store import Store

MOST_FOUND: Final = 50
"""Titles, and messages, that are looked for at most."""


class Searcher(QObject):
    """Answers the newest question; those that came before it meanwhile are passed over."""

    found = Signal(str, object)
    """A query and the list of what it found."""
    failed = Signal(object)

    def __init__(self, path: Path, parent: QObject) -> None:
        super().__init__(parent)
        self._path = path
        self._asked = threading.Condition()
        self._query: str | None = None
        self._closed = False
        self._thread: threading.Thread | None = None

    def ask(self, query: str) -> None:
        """Search for `query`; returns at once."""
        with self._asked:
            self._query = query
            self._asked.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="search", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Wait for the search that is running, and end the thread."""
        with self._asked:
            self._closed = True
            self._asked.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        store: Store | None = None
        while (query := self._next()) is not None:
            try:
                store = store or Store(self._path)
                hits = store.search(query, MOST_FOUND)
            except StoreError as error:
                self.failed.emit(error)
            else:
                self.found.emit(query, hits)
        if store is not None:
            store.close()

    def _next(self) -> str | None:
        """Wait for a query and return it; None at the end."""
        with self._asked:
            self._asked.wait_for(lambda: self._closed or self._query is not None)
            query, self._query = self._query, None
            return None if self._closed else query
