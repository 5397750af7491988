"""What can still be read of a damaged store, put into a fresh one."""

from dataclasses import dataclass
from pathlib import Path

from engine.database import Database
from engine.rescue import copy_rows, count_rows, rescue
from engine.store import set_aside_damaged_store
from engine.store_schema import FUNCTIONS, MIGRATIONS


@dataclass(frozen=True)
class Salvage:
    """How much was saved."""

    conversations: int
    messages: int


def rescue_store(path: Path) -> tuple[Path, Salvage] | None:
    """Set a damaged store aside; return its new name and how much of it is in the fresh one.

    None if it is sound. Raises StoreError.
    """
    return rescue(path, set_aside_damaged_store, salvage)


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
            copy_rows(damaged, database, "conversations", active_leaf_id=None)
            copy_rows(damaged, database, "messages")
            _mend(database)
        return Salvage(count_rows(database, "conversations"), count_rows(database, "messages"))
    finally:
        database.close()


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
