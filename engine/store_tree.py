"""The branches of a conversation: which one is shown, and the versions of a message.

Messages with the same parent are versions of each other. Each message remembers which of its
children was shown last, so stepping to another version and back shows what was shown before.
"""

import json
import sqlite3

from engine.database import Database
from engine.store_types import Message

MESSAGE_COLUMNS = (
    "id, conversation_id, parent_id, role, content, status, created_at, finish_reason, model,"
    " error, prompt_tokens, completion_tokens, prefill_ms, decode_tokens_per_second, sources"
)

# The branch that is shown, without its texts: its last message comes first.
_BRANCH = """
    WITH RECURSIVE branch (id, parent_id) AS (
        SELECT messages.id, messages.parent_id FROM messages
        JOIN conversations ON messages.id = conversations.active_leaf_id
        WHERE conversations.id = ?
        UNION ALL
        SELECT messages.id, messages.parent_id FROM messages
        JOIN branch ON messages.id = branch.parent_id
    )
"""


def message_of(row: sqlite3.Row) -> Message:
    """Return the message in a row of MESSAGE_COLUMNS."""
    values = dict(row)
    text = values.pop("sources")
    return Message(**values, sources=None if text is None else json.loads(text))


def branch(database: Database, conversation_id: int) -> list[sqlite3.Row]:
    """Return the messages of the branch that is shown, first message first."""
    return database.execute(
        f"{_BRANCH} SELECT {MESSAGE_COLUMNS} FROM messages"  # noqa: S608 (our own words)
        " WHERE id IN (SELECT id FROM branch) ORDER BY id",  # a parent is older than its children
        (conversation_id,),
    )


def versions(database: Database, conversation_id: int) -> dict[int, list[int]]:
    """Return, for each shown message that has others beside it, all of them, oldest first."""
    rows = database.execute(
        f"{_BRANCH} SELECT branch.id AS shown, messages.id AS version FROM branch"  # noqa: S608
        " JOIN messages ON messages.conversation_id = ? AND messages.parent_id IS branch.parent_id"
        " ORDER BY messages.id",
        (conversation_id, conversation_id),
    )
    versions: dict[int, list[int]] = {}
    for row in rows:
        versions.setdefault(row["shown"], []).append(row["version"])
    return {shown: ids for shown, ids in versions.items() if len(ids) > 1}


def leaf_below(database: Database, conversation_id: int, message_id: int) -> int:
    """Return the end of the branch that was shown last through a message."""
    rows = database.execute(
        """
        WITH RECURSIVE below (id, shown_child_id) AS (
            SELECT id, shown_child_id FROM messages WHERE id = ?
            UNION ALL
            SELECT messages.id, messages.shown_child_id FROM below JOIN messages
            ON messages.id = coalesce(below.shown_child_id, (
                SELECT max(child.id) FROM messages AS child
                WHERE child.conversation_id = ? AND child.parent_id = below.id
            ))
        )
        SELECT max(id) AS leaf FROM below
        """,
        (message_id, conversation_id),
    )
    leaf: int = rows[0]["leaf"]
    return leaf


def show_branch(database: Database, conversation_id: int, leaf_id: int) -> None:
    """Show the branch that ends with `leaf_id`, and remember it in every message that forks."""
    database.execute(
        "UPDATE conversations SET active_leaf_id = ? WHERE id = ?", (leaf_id, conversation_id)
    )
    database.execute(
        f"""
        {_BRANCH}
        UPDATE messages SET shown_child_id = fork.id FROM branch AS fork
        WHERE messages.id = fork.parent_id AND messages.shown_child_id IS NOT fork.id
        AND EXISTS (
            SELECT 1 FROM messages AS other WHERE other.conversation_id = ?
            AND other.parent_id = fork.parent_id AND other.id <> fork.id
        )
        """,  # noqa: S608 (our own words)
        (conversation_id, conversation_id),
    )
