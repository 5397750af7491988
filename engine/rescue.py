"""A damaged database is set aside, and what can be read of it goes into a new one.

A start that is interrupted half-way is completed by the next.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

from engine.database import Database
from engine.errors import StoreError

T = TypeVar("T")

_BLOCK = 256


def rescue(
    path: Path,
    set_aside: Callable[[Path], Path | None],
    salvage: Callable[[Path, Path], T],
) -> tuple[Path, T] | None:
    """Return the damaged file's new name and what `salvage` returned; None if all is well.

    `set_aside` renames the file at `path` if it is damaged; `salvage` copies from that name to
    the name of a new database, which becomes the one at `path` once it is complete. Raises
    StoreError.
    """
    kept = set_aside(path) or _unfinished(path)
    if kept is None:
        return None
    part = path.with_name(path.name + ".part")
    try:
        for suffix in ("", "-wal", "-shm"):
            part.with_name(part.name + suffix).unlink(missing_ok=True)
        result = salvage(kept, part)
        part.replace(path)
    except OSError as error:
        raise StoreError(
            "{path} cannot be opened for writing: {detail}.", path=path, detail=error.strerror
        ) from error
    return kept, result


def copy_rows(damaged: Path, database: Database, table: str, **changes: object) -> None:
    """Insert the rows of a table that can be read, as they are but for `changes`.

    What has no place in the table as it is today, or is there already, is left out.
    """
    known = {column["name"] for column in database.execute(f"PRAGMA table_info({table})")}
    for row in _readable_rows(damaged, table):
        values = {key: value for key, value in row.items() if key in known} | changes
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        with suppress(sqlite3.IntegrityError):  # damaged beyond what the table admits
            database.execute(
                f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})",  # noqa: S608
                tuple(values.values()),
            )


def count_rows(database: Database, table: str) -> int:
    """Return how many rows a table has."""
    number: int = database.execute(f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608
    return number


def _unfinished(path: Path) -> Path | None:
    """Return the damaged file whose salvage an earlier start did not finish."""
    if path.exists():
        return None
    return max(path.parent.glob(f"{path.stem}-damaged-*{path.suffix}"), default=None)


def _readable_rows(damaged: Path, table: str) -> Iterator[dict[str, object]]:
    """Yield the rows of a table; where the file cannot be read, those after the hole follow."""
    with closing(sqlite3.connect(f"{damaged.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        last = _last_number(connection, table)
        block, first = _BLOCK, 0
        while first <= last:
            try:
                rows = connection.execute(
                    f"SELECT * FROM {table} NOT INDEXED WHERE id >= ? AND id < ?",  # noqa: S608
                    (first, first + block),
                ).fetchall()
            except sqlite3.DatabaseError:
                if block > 1:
                    block //= 2  # closer to the hole
                    continue
                rows = []
            yield from ({key: row[key] for key in row.keys()} for row in rows)  # noqa: SIM118
            first += block
            block = min(2 * block, _BLOCK)


def _last_number(connection: sqlite3.Connection, table: str) -> int:
    """Return the highest id; where it cannot be read, what SQLite remembers having given."""
    for sql in (
        f"SELECT max(id) FROM {table} NOT INDEXED",  # noqa: S608 (our own words)
        f"SELECT seq FROM sqlite_sequence WHERE name = '{table}'",  # noqa: S608
    ):
        with suppress(sqlite3.DatabaseError):
            found = connection.execute(sql).fetchone()
            if found and isinstance(found[0], int):
                return found[0]
    return -1
