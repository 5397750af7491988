"""A library: collections of folders and files, and how far each file has come.

One process indexes (engine/documents/indexing); any number of others read at the same time.
"""

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, get_args

from engine.database import Database, set_aside_if_damaged
from engine.documents.library.failures import from_text
from engine.documents.library.schema import MIGRATIONS
from engine.documents.library.turn import Turn
from engine.documents.library.types import Collection, FileStatus, Progress, Root, Status
from engine.errors import StoreError

_FILE = (
    "SELECT files.id, collection_id, files.path, size, status, failure, documents.pages,"
    " documents.passages FROM files JOIN roots ON roots.id = root_id"
    " LEFT JOIN documents ON documents.id = document_id "
)

SPEED = "bytes_per_second"
"""The state that says how fast files are read."""


class Library:
    """A connection to the library at `path`, for the thread that opened it; close it there.

    Every method raises StoreError if the file cannot be read or written, or if it is asked for
    a collection that is not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = Database(path, MIGRATIONS, {})
        self._turn = Turn(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._turn.close()
        self.database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make several changes one; whoever waits longest is the next who may."""
        with ExitStack() as stack:
            if self.database.in_transaction or self.database.read_only:
                stack.enter_context(self.database.transaction())
            else:
                with self._turn.taken():
                    stack.enter_context(self.database.transaction())
            yield

    def collections(self) -> list[Collection]:
        """Return all collections in the order in which they were made."""
        with self.database.transaction(writes=False):
            roots: dict[int, list[Root]] = {}
            for row in self.database.execute("SELECT * FROM roots ORDER BY id"):
                root = Root(
                    id=row["id"], path=_path(row["path"]), problem=from_text(row["problem"])
                )
                roots.setdefault(row["collection_id"], []).append(root)
            rows = self.database.execute("SELECT id, name, paused FROM collections ORDER BY id")
        return [
            Collection(
                id=row["id"],
                name=row["name"],
                paused=bool(row["paused"]),
                roots=tuple(roots.get(row["id"], ())),
            )
            for row in rows
        ]

    def add_collection(self, name: str, paths: Sequence[Path] = ()) -> int:
        """Make a collection of folders and files, to be looked through; return its id."""
        with self.transaction():
            [row] = self.database.execute(
                "INSERT INTO collections (name) VALUES (?) RETURNING id", (_name(name),)
            )
            collection_id: int = row["id"]
            self.add_paths(collection_id, paths)
        return collection_id

    def rename_collection(self, collection_id: int, name: str) -> None:
        """Give a collection another name."""
        self._update("name", collection_id, _name(name))

    def set_paused(self, collection_id: int, *, paused: bool) -> None:
        """Let a collection's files wait, or go on with them; what is indexed is found meanwhile."""
        self._update("paused", collection_id, int(paused))

    def remove_collection(self, collection_id: int) -> None:
        """Forget a collection. The files themselves are not touched."""
        self._require(collection_id)
        self.database.execute("DELETE FROM collections WHERE id = ?", (collection_id,))

    def add_paths(self, collection_id: int, paths: Sequence[Path]) -> None:
        """Add folders and files to a collection; those that it has already stay as they are."""
        self._require(collection_id)
        with self.transaction():
            for path in paths:
                self.database.execute(
                    "INSERT INTO roots (collection_id, path) VALUES (?, ?) ON CONFLICT DO NOTHING",
                    (collection_id, os.fsencode(Path(os.path.abspath(path)))),  # noqa: PTH100
                )

    def remove_path(self, collection_id: int, path: Path) -> None:
        """Take a folder or file that was added out of a collection again."""
        self.database.execute(
            "DELETE FROM roots WHERE collection_id = ? AND path = ?",
            (collection_id, os.fsencode(path)),
        )

    def files(
        self,
        collection_id: int,
        *,
        status: Status | None = None,
        limit: int = -1,
        offset: int = 0,
    ) -> list[FileStatus]:
        """Return the files of a collection by path, those with `status` only if it is given."""
        condition = "WHERE collection_id = ?" + (" AND status = ?" if status else "")
        rows = self.database.execute(
            f"{_FILE}{condition} ORDER BY files.path LIMIT ? OFFSET ?",
            (collection_id, *([status] if status else []), limit, offset),
        )
        return [_file_status(row) for row in rows]

    def progress(self, collection_id: int) -> Progress:
        """Return how far a collection has come; cheap, since it is asked for while files change."""
        with self.database.transaction(writes=False):
            paused = self._require(collection_id)
            files = self._count(collection_id)
            waiting = files["waiting"] + files["indexing"]
            waiting_bytes = self._waiting_bytes(collection_id) if waiting else 0
            passages = None if waiting else self._passages(collection_id)
            speed = self.state(SPEED)
        known = isinstance(speed, int | float) and speed > 0 and waiting_bytes and not paused
        return Progress(
            indexed=files["indexed"],
            waiting=waiting,
            failed=files["failed"],
            passages=passages,
            waiting_bytes=waiting_bytes,
            seconds_left=waiting_bytes / float(str(speed)) if known else None,
            paused=paused,
        )

    def _count(self, collection_id: int) -> dict[Status, int]:
        """Return how many files there are of each status, from the index alone."""
        rows = self.database.execute(
            "SELECT value AS status, (SELECT count(*) FROM roots CROSS JOIN files"
            " ON root_id = roots.id AND status = value WHERE collection_id = ?) AS files"
            " FROM json_each(?)",
            (collection_id, json.dumps(get_args(Status))),
        )
        return {row["status"]: row["files"] for row in rows}

    def _waiting_bytes(self, collection_id: int) -> int:
        rows = self.database.execute(
            "SELECT coalesce(sum(size), 0) AS bytes FROM roots CROSS JOIN files"
            " ON root_id = roots.id AND status IN ('waiting', 'indexing') WHERE collection_id = ?",
            (collection_id,),
        )
        return int(rows[0]["bytes"])

    def _passages(self, collection_id: int) -> int:
        rows = self.database.execute(
            "SELECT coalesce(sum(passages), 0) AS passages FROM roots"
            " CROSS JOIN files ON root_id = roots.id"
            " CROSS JOIN documents ON documents.id = document_id WHERE collection_id = ?",
            (collection_id,),
        )
        return int(rows[0]["passages"])

    def state(self, key: str) -> object:
        """Return what `set_state` stored last under `key`; None at first."""
        rows = self.database.execute("SELECT value FROM state WHERE key = ?", (key,))
        return json.loads(rows[0]["value"]) if rows else None

    def set_state(self, key: str, value: object) -> None:
        """Keep a JSON value."""
        self.database.execute(
            "INSERT INTO state (key, value) VALUES (?, ?)"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, json.dumps(value)),
        )

    def _require(self, collection_id: int) -> bool:
        """Return whether a collection is paused; raises StoreError if there is none."""
        rows = self.database.execute(
            "SELECT paused FROM collections WHERE id = ?", (collection_id,)
        )
        if not rows:
            raise StoreError("There is no such collection; it may have been removed.")
        return bool(rows[0]["paused"])

    def _update(self, column: str, collection_id: int, value: object) -> None:
        self._require(collection_id)
        self.database.execute(
            f"UPDATE collections SET {column} = ? WHERE id = ?",  # noqa: S608 (our own words)
            (value, collection_id),
        )


def set_aside_damaged_library(path: Path) -> Path | None:
    """Rename a damaged library out of the way and return its new name; None if it is sound."""
    return set_aside_if_damaged(path, MIGRATIONS)


def _name(text: str) -> str:
    return text.encode("utf-8", "replace").decode().strip()


def _path(data: bytes) -> Path:
    return Path(os.fsdecode(data))


def _file_status(row: sqlite3.Row) -> FileStatus:
    return FileStatus(
        id=row["id"],
        collection_id=row["collection_id"],
        path=_path(row["path"]),
        size=row["size"],
        status=row["status"],
        failure=from_text(row["failure"]),
        pages=row["pages"],
        passages=row["passages"],
    )
