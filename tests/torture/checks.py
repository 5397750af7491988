"""Opens what a kill left behind as the next start does, and says what is wrong with it."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from journal import Journal, Key

from engine.chat import ChatService
from engine.documents.library.library import Library, set_aside_damaged_library
from engine.documents.library.types import Root
from engine.documents.search.retrieval import Retriever
from engine.errors import StoreError
from engine.settings.file import Settings
from engine.settings.table import BY_NAME
from engine.store import Store


class Stored:
    """What the stores below the folder `home` hold now."""

    def __init__(self, home: Path) -> None:
        self._store = home / "data" / "conversations.sqlite3"
        self._library = home / "data" / "library.sqlite3"
        self._settings = home / "config" / "settings.json"

    def wrong(self, journal: Journal) -> Iterator[str]:
        """Yield what is damaged, lost, or not as a clean start leaves it."""
        for path in (self._store, self._library):
            if path.exists():
                yield from damage(path)
        if self._settings.exists():
            json.loads(self._settings.read_bytes())
        service = ChatService(self._store, lambda _event: None)
        service.close()
        if trouble := service.store_notice():
            yield trouble
        if (kept := set_aside_damaged_library(self._library)) is not None:
            yield f"the library was damaged: {kept}"
        with closing(sqlite3.connect(self._store)) as connection:
            for sql, words in (
                ("SELECT id FROM messages WHERE status = 'streaming'", "is still being written"),
                ("SELECT id FROM conversations WHERE deleted_at = 0", "is half imported"),
            ):
                yield from (f"{number} {words}" for (number,) in connection.execute(sql))
        yield from (str(problem) for problem in Settings(self._settings).problems)
        with Store(self._store) as store, Library(self._library) as library:
            roots = {one.name: one.roots for one in library.collections()}
            yield from journal.lost(lambda key: self._held(store, roots, key))

    def wrong_with_documents(self) -> Iterator[str]:
        """Yield files that are not found by the word that only they hold; all are indexed."""
        with Library(self._library) as library:
            retriever = Retriever(library)
            for collection in library.collections():
                for file in library.files(collection.id):
                    if file.status != "indexed":
                        yield f"{file.path} is {file.status}: {file.failure}"
                        continue
                    found = retriever.retrieve(file.path.stem, collections=[collection.id])
                    if file.path not in [passage.file for passage in found.passages]:
                        yield f"{file.path} is not found"

    def _held(self, store: Store, roots: Mapping[str, Sequence[Root]], key: Key) -> Any:
        """Return what a key of the journal holds; None where it is not there.

        `roots` are those of each collection, by its name.
        """
        what, name = key
        if what == "import":
            with closing(sqlite3.connect(self._store)) as connection:
                sql = "SELECT count(*) FROM conversations WHERE title = ? AND deleted_at IS NULL"
                count: int = connection.execute(sql, (name,)).fetchone()[0]
                return count or None
        if what == "collection":
            return str(roots[name][0].path) if roots.get(name) else None
        if what == "setting":
            return Settings(self._settings).get(BY_NAME[name])
        try:
            if what == "message":
                return store.message(int(name)).content
            return (
                store.draft(int(name)) if what == "draft" else store.conversation(int(name)).title
            )
        except StoreError:
            return None


def damage(path: Path) -> Iterator[str]:
    """Yield what SQLite finds wrong with a file, its full-text indexes included."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for check in ("PRAGMA integrity_check", "PRAGMA foreign_key_check"):
            for row in connection.execute(check):
                if row != ("ok",):
                    yield f"{path.name}: {row}"
        for name in ("message_search", "title_search", "passage_words"):
            known = "SELECT 1 FROM sqlite_master WHERE name = ?"
            if connection.execute(known, (name,)).fetchone():
                try:
                    connection.execute(f"INSERT INTO {name} ({name}) VALUES ('integrity-check')")  # noqa: S608
                except sqlite3.DatabaseError as error:
                    yield f"{path.name}: {name}: {error}"


def left_behind(home: Path) -> Iterator[str]:
    """Yield files that only a kill leaves, after an orderly end."""
    for path in home.rglob("*"):
        if path.name.endswith(("-wal", "-shm", ".part", ".tmp")) or path.name.startswith("."):
            yield f"{path.relative_to(home)} is left"
