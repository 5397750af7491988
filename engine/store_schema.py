"""The tables of the conversation store, as numbered steps that are never changed again.

A new release appends a step. `PRAGMA user_version` counts the steps that a file has seen.
"""

import sqlite3
from types import MappingProxyType

from engine.search_text import index_text


def _create_tables(connection: sqlite3.Connection) -> None:
    """Version 1: conversations, and their messages as trees."""
    connection.execute(
        """
        CREATE TABLE conversations (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            title TEXT NOT NULL,
            system_prompt TEXT NOT NULL,
            draft TEXT NOT NULL DEFAULT '',
            created_at REAL NOT NULL,
            updated_at REAL NOT NULL,
            deleted_at REAL,
            active_leaf_id INTEGER,
            FOREIGN KEY (id, active_leaf_id) REFERENCES messages (conversation_id, id)
        )
        """
    )
    connection.execute(
        """
        CREATE TABLE messages (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            conversation_id INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
            parent_id INTEGER,
            role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
            content TEXT NOT NULL,
            status TEXT NOT NULL CHECK (
                status IN ('complete', 'streaming', 'interrupted', 'cancelled', 'failed')
            ),
            created_at REAL NOT NULL,
            finish_reason TEXT CHECK (finish_reason IN ('stop', 'length', 'cancelled', 'error')),
            model TEXT,
            error TEXT,
            prompt_tokens INTEGER,
            completion_tokens INTEGER,
            prefill_ms REAL,
            decode_tokens_per_second REAL,
            FOREIGN KEY (conversation_id, parent_id) REFERENCES messages (conversation_id, id)
        )
        """
    )
    connection.execute("CREATE UNIQUE INDEX messages_by_id ON messages (conversation_id, id)")
    connection.execute("CREATE INDEX messages_by_parent ON messages (conversation_id, parent_id)")
    connection.execute(
        "CREATE INDEX messages_streaming ON messages (id) WHERE status = 'streaming'"
    )
    connection.execute(
        "CREATE INDEX conversations_by_time ON conversations (updated_at DESC, id DESC)"
        " WHERE deleted_at IS NULL"
    )
    connection.execute(
        "CREATE INDEX conversations_deleted ON conversations (deleted_at)"
        " WHERE deleted_at IS NOT NULL"
    )


def _add_branches_search_and_settings(connection: sqlite3.Connection) -> None:
    """Version 2: versions of messages, pins, settings, imports, window state and full text."""
    for column in (
        "pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1))",
        "settings TEXT NOT NULL DEFAULT '{}'",
        "origin TEXT",  # fingerprint of what it was imported from
    ):
        connection.execute(f"ALTER TABLE conversations ADD COLUMN {column}")
    # The child that was shown last; NULL stands for the youngest.
    connection.execute("ALTER TABLE messages ADD COLUMN shown_child_id INTEGER")
    connection.execute("DROP INDEX conversations_by_time")
    connection.execute(
        "CREATE INDEX conversations_in_list ON conversations"
        " (pinned DESC, updated_at DESC, id DESC) WHERE deleted_at IS NULL"
    )
    connection.execute("CREATE INDEX conversations_by_creation ON conversations (created_at)")
    connection.execute(
        "CREATE INDEX conversations_by_origin ON conversations (origin) WHERE origin IS NOT NULL"
    )
    connection.execute("CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
    _create_search(connection)


def _create_search(connection: sqlite3.Connection) -> None:
    """Full-text indexes that triggers keep current, whoever writes.

    An answer that is being written is not in the index: it enters when its status changes, so
    saving it every second costs nothing. The indexes hold no text, so a token can be taken out
    only by naming it: a changed `index_text` needs a step that builds them anew.
    """
    for table in ("message_search", "title_search"):
        connection.execute(
            f"CREATE VIRTUAL TABLE {table} USING fts5 (words, content = '', columnsize = 0,"
            " prefix = '1 2', tokenize = 'unicode61 remove_diacritics 0')"
        )
    # What was indexed is taken out before the row changes, and put in again after.
    for name, event, condition, indexed in (
        ("message_added", "AFTER INSERT", "new.status <> 'streaming'", "new"),
        ("message_removed", "AFTER DELETE", "old.status <> 'streaming'", "old"),
        (
            "message_changes",
            "BEFORE UPDATE OF content, status",
            "old.status <> 'streaming'"
            " AND (new.status = 'streaming' OR old.content <> new.content)",
            "old",
        ),
        (
            "message_changed",
            "AFTER UPDATE OF content, status",
            "new.status <> 'streaming'"
            " AND (old.status = 'streaming' OR old.content <> new.content)",
            "new",
        ),
    ):
        _create_trigger(connection, name, f"{event} ON messages", condition, indexed, "content")
    for name, event, condition, indexed in (
        ("title_added", "AFTER INSERT", "true", "new"),
        ("title_removed", "AFTER DELETE", "true", "old"),
        ("title_changes", "BEFORE UPDATE OF title", "old.title <> new.title", "old"),
        ("title_changed", "AFTER UPDATE OF title", "old.title <> new.title", "new"),
    ):
        _create_trigger(connection, name, f"{event} ON conversations", condition, indexed, "title")
    connection.execute(
        "INSERT INTO message_search (rowid, words)"
        " SELECT id, index_text(content) FROM messages WHERE status <> 'streaming'"
    )
    connection.execute(
        "INSERT INTO title_search (rowid, words) SELECT id, index_text(title) FROM conversations"
    )


def _create_trigger(
    connection: sqlite3.Connection,
    name: str,
    event: str,
    condition: str,
    indexed: str,
    column: str,
) -> None:
    """Put the `indexed` row ("new" or "old") into its index, or take it out."""
    table = "message_search" if column == "content" else "title_search"
    words = f"{indexed}.id, index_text({indexed}.{column})"
    if indexed == "new":
        action = f"INSERT INTO {table} (rowid, words) VALUES ({words})"  # noqa: S608 (our words)
    else:
        action = f"INSERT INTO {table} ({table}, rowid, words) VALUES ('delete', {words})"  # noqa: S608
    connection.execute(f"CREATE TRIGGER {name} {event} WHEN {condition} BEGIN {action}; END")


def _add_sources(connection: sqlite3.Connection) -> None:
    """Version 3: which documents a question asks, and what an answer rests on."""
    # Of a question a DocumentScope, of an answer Sources (engine/documents/answering/sources.py).
    connection.execute("ALTER TABLE messages ADD COLUMN sources TEXT")
    # Numbers of the library's collections that the next question asks.
    connection.execute(
        "ALTER TABLE conversations ADD COLUMN collections TEXT NOT NULL DEFAULT '[]'"
    )


MIGRATIONS = (_create_tables, _add_branches_search_and_settings, _add_sources)
FUNCTIONS = MappingProxyType({"index_text": index_text})
"""What the triggers call; a connection without them can read, but not write."""
