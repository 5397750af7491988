"""The files that wait to be read, and what became of them: the indexing side of a library.

A file that is being read when the process dies is read again at the next start, after all others
and alone, the one that it has died with least often first; one with which it has died five times
is left alone until it changes.
"""

import os
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from engine.documents.library.failures import as_text
from engine.documents.library.library import Library
from engine.errors import DocumentError, GebError

_MAX_ATTEMPTS = 5
_MAY_BE_READ = (
    "files JOIN roots ON roots.id = root_id JOIN collections ON collections.id = collection_id"
    " WHERE NOT paused AND problem IS NULL"
)


@dataclass(frozen=True, slots=True)
class Stamp:
    """By which a changed file is known without reading it."""

    size: int
    modified: int
    """Nanoseconds; when its contents or its permissions changed last."""

    @classmethod
    def of(cls, info: os.stat_result) -> Self:
        """Return the stamp of a file."""
        return cls(info.st_size, max(info.st_mtime_ns, info.st_ctime_ns))


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file that the library has heard of."""

    id: int
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class WaitingFile:
    """A file to be read."""

    id: int
    root_id: int
    path: Path
    stamp: Stamp


def known_files(library: Library, root_id: int) -> dict[bytes, KnownFile]:
    """Return the files below a root by path."""
    rows = library.database.execute(
        "SELECT id, path, size, modified FROM files WHERE root_id = ?", (root_id,)
    )
    return {row["path"]: KnownFile(row["id"], Stamp(row["size"], row["modified"])) for row in rows}


def enqueue(library: Library, root_id: int, found: Iterable[tuple[bytes, Stamp]]) -> None:
    """Let new and changed files wait to be read; what was known of them is found until then."""
    with library.transaction():
        for path, stamp in found:
            library.database.execute(
                "INSERT INTO files (root_id, path, size, modified, status)"
                " SELECT ?, ?, ?, ?, 'waiting'"
                " WHERE EXISTS (SELECT 1 FROM roots WHERE id = ?)"
                " ON CONFLICT (root_id, path) DO UPDATE SET size = excluded.size,"
                " modified = excluded.modified, status = 'waiting', attempts = 0, failure = NULL",
                (root_id, path, stamp.size, stamp.modified, root_id),
            )


def forget(library: Library, file_ids: Sequence[int]) -> None:
    """Take files that are gone out of the library."""
    with library.transaction():
        for number in file_ids:
            library.database.execute("DELETE FROM files WHERE id = ?", (number,))


def recover(library: Library) -> None:
    """Let the files wait again with which an earlier process died."""
    error = DocumentError(
        "Reading the file failed in an unexpected way; it may be damaged.", code="crashed"
    )
    with library.transaction():
        library.database.execute(
            "UPDATE files SET status = 'failed', failure = ?"
            " WHERE status = 'indexing' AND attempts >= ?",
            (as_text(error), _MAX_ATTEMPTS),
        )
        library.database.execute("UPDATE files SET status = 'waiting' WHERE status = 'indexing'")


def claim(library: Library, limit: int) -> list[WaitingFile]:
    """Take up to `limit` waiting files that may be read now, the oldest first."""
    with library.transaction():
        rows = _claim(library, "attempts = 0", limit) or _claim(library, "attempts > 0", 1)
    return [
        WaitingFile(
            row["id"],
            row["root_id"],
            Path(os.fsdecode(row["path"])),
            Stamp(row["size"], row["modified"]),
        )
        for row in sorted(rows, key=lambda row: int(row["id"]))
    ]


def is_wanted(library: Library, file: WaitingFile) -> bool:
    """Return whether a file that was taken is still to be read."""
    return bool(
        library.database.execute(
            f"SELECT 1 FROM {_MAY_BE_READ} AND files.id = ? AND status = 'indexing'",  # noqa: S608
            (file.id,),
        )
    )


def unclaim(library: Library, file: WaitingFile) -> None:
    """Let a file wait again that was taken and not read."""
    library.database.execute(
        "UPDATE files SET status = 'waiting', attempts = attempts - 1"
        " WHERE id = ? AND status = 'indexing'",
        (file.id,),
    )


def recover_unfinished(library: Library) -> None:
    """Let all files wait again that were taken and not read, through no fault of theirs."""
    library.database.execute(
        "UPDATE files SET status = 'waiting', attempts = attempts - 1 WHERE status = 'indexing'"
    )


def restamp(library: Library, file: WaitingFile, stamp: Stamp) -> None:
    """Let a file that changed while it waited be read as it is now."""
    library.database.execute(
        "UPDATE files SET size = ?, modified = ? WHERE id = ?",
        (stamp.size, stamp.modified, file.id),
    )


def finish(library: Library, file: WaitingFile, document_id: int) -> None:
    """Let a file show a document; nothing happens if it has changed or vanished meanwhile."""
    library.database.execute(
        "UPDATE files SET status = 'indexed', attempts = 0, failure = NULL, document_id = ?"
        " WHERE id = ? AND size = ? AND modified = ?",
        (document_id, file.id, file.stamp.size, file.stamp.modified),
    )


def fail(library: Library, file: WaitingFile, error: GebError) -> None:
    """Keep why a file could not be read; what it said before is not found any more.

    If its reader died the file waits instead, unless that is its last attempt: it may have been
    ended for want of memory, or by somebody who ends everything.
    """
    library.database.execute(
        "UPDATE files SET status = 'waiting'"
        " WHERE id = ? AND status = 'indexing' AND attempts < ? AND ?",
        (file.id, _MAX_ATTEMPTS, error.values.get("code") == "crashed"),
    )
    library.database.execute(
        "UPDATE files SET status = 'failed', failure = ?, document_id = NULL"
        " WHERE id = ? AND size = ? AND modified = ? AND status = 'indexing'",
        (as_text(error), file.id, file.stamp.size, file.stamp.modified),
    )


def _claim(library: Library, condition: str, limit: int) -> list[sqlite3.Row]:
    return library.database.execute(
        "UPDATE files SET status = 'indexing', attempts = attempts + 1 WHERE id IN ("  # noqa: S608
        f" SELECT files.id FROM {_MAY_BE_READ} AND status = 'waiting' AND {condition}"
        " ORDER BY attempts, files.id LIMIT ?) RETURNING id, root_id, path, size, modified",
        (limit,),
    )
