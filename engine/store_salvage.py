"""What can still be read of a damaged store, put into a fresh one."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from engine.database import Database
from engine.store_schema import FUNCTIONS, MIGRATIONS

_TABLES = ("conversations", "messages")
_BLOCK = 256


@dataclass(frozen=True)
class Salvage:
    """How much was saved."""

    conversations: int
    messages: int


def salvage(damaged: Path, fresh: Path) -> Salvage:
    """Copy every row of the damaged store that can be read into the new one at `fresh`.

    Rows keep their numbers; a message whose parents are lost becomes a first message, one whose
    conversation is lost comes into a conversation without a title. Raises StoreError if `fresh`
    cannot be written.
    """
    database = Database(fresh, MIGRATIONS, FUNCTIONS)
    try:
        with database.transaction():
            database.execute("PRAGMA defer_foreign_keys = ON")
            for table in _TABLES:
                for row in _readable_rows(damaged, table):
                    _insert(database, table, row)
            _mend(database)
        counts = [_count(database, table) for table in _TABLES]
    finally:
        database.close()
    return Salvage(*counts)


def _readable_rows(damaged: Path, table: str) -> Iterator[dict[str, object]]:
    """Yield the rows of a table; where the file cannot be read, those after the hole follow."""
    with closing(sqlite3.connect(f"file:{damaged.as_posix()}?mode=ro", uri=True)) as connection:
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


def _insert(database: Database, table: str, row: dict[str, object]) -> None:
    known = {column["name"] for column in database.execute(f"PRAGMA table_info({table})")}
    values = {key: value for key, value in row.items() if key in known}
    if "active_leaf_id" in values:
        values["active_leaf_id"] = None  # _mend sets it
    names = ", ".join(values)
    marks = ", ".join("?" * len(values))
    with suppress(sqlite3.IntegrityError):  # damaged beyond what the table admits
        database.execute(
            f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})",  # noqa: S608
            tuple(values.values()),
        )


def _mend(database: Database) -> None:
    """Repair what refers to lost rows, and show the youngest branch of each conversation."""
    database.execute(
        "INSERT OR IGNORE INTO conversations (id, title, system_prompt, created_at, updated_at)"
        " SELECT conversation_id, '', '', min(created_at), max(created_at) FROM messages"
        " WHERE conversation_id NOT IN (SELECT id FROM conversations) GROUP BY conversation_id"
    )
    database.execute(
        "UPDATE messages SET parent_id = NULL WHERE parent_id IS NOT NULL AND NOT EXISTS"
        " (SELECT 1 FROM messages AS parent WHERE parent.id = messages.parent_id"
        " AND parent.conversation_id = messages.conversation_id)"
    )
    database.execute("UPDATE messages SET shown_child_id = NULL")
    database.execute(
        "UPDATE conversations SET active_leaf_id ="
        " (SELECT max(id) FROM messages WHERE conversation_id = conversations.id)"
    )


def _count(database: Database, table: str) -> int:
    number: int = database.execute(f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608
    return number
