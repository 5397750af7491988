"""The tables of the conversation store, as numbered steps that are never changed again.

A new release appends a step. `PRAGMA user_version` counts the steps that a file has seen.
"""

import sqlite3


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


MIGRATIONS = (_create_tables,)
