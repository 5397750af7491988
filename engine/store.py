"""Conversations in one SQLite file. What a method has returned from is on the disk.

The messages of a conversation form a tree: each names its parent, and the conversation names
the leaf of the branch that is shown. Nothing is ever removed from a tree.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from engine.database import Database, set_aside_if_damaged
from engine.errors import StoreError
from engine.events import Usage
from engine.store_schema import MIGRATIONS

Role = Literal["user", "assistant"]
Status = Literal["complete", "streaming", "interrupted", "cancelled", "failed"]
"""A message being written is "streaming"; one whose process died is "interrupted"."""

_CONVERSATION = "SELECT id, title, system_prompt, created_at, updated_at FROM conversations "
_MAX_ID = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """A conversation without its messages. Times are seconds since 1970 (UTC)."""

    id: int
    title: str
    system_prompt: str
    created_at: float
    updated_at: float


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message. What follows `created_at` is known only of a finished answer."""

    id: int
    conversation_id: int
    parent_id: int | None
    role: Role
    content: str
    status: Status
    created_at: float
    finish_reason: str | None
    """"stop", "length", "cancelled" or "error"."""
    model: str | None
    """Name of the model that answered."""
    error: str | None
    """The sentence that was shown, in the language of that moment."""
    prompt_tokens: int | None
    completion_tokens: int | None
    prefill_ms: float | None
    decode_tokens_per_second: float | None


class Store:
    """A connection to the store at `path`, for the thread that opened it; close it there.

    Any number of threads and processes may each have one. Every method raises StoreError if
    the file cannot be read or written, or names a conversation or message that is not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._database = Database(path, MIGRATIONS)

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
        self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all calls inside one step: stored together, or not at all."""
        with self._database.transaction():
            yield

    def create_conversation(self, title: str = "", system_prompt: str = "") -> Conversation:
        """Add an empty conversation and return it."""
        now = time.time()
        row = self._database.execute(
            "INSERT INTO conversations (title, system_prompt, created_at, updated_at)"
            " VALUES (?, ?, ?, ?) RETURNING id",
            (_storable(title), _storable(system_prompt), now, now),
        )[0]
        return self.conversation(row["id"])

    def conversation(self, conversation_id: int) -> Conversation:
        """Return one conversation; a deleted one is not there."""
        rows = self._database.execute(
            _CONVERSATION + "WHERE id = ? AND deleted_at IS NULL",
            (conversation_id if 0 < conversation_id <= _MAX_ID else None,),
        )
        if not rows:
            raise StoreError("There is no conversation {number}.", number=conversation_id)
        return Conversation(**rows[0])

    def list_conversations(self, limit: int = -1) -> list[Conversation]:
        """Return the conversations that are not deleted, last used first (-1: all of them)."""
        rows = self._database.execute(
            _CONVERSATION + "WHERE deleted_at IS NULL ORDER BY updated_at DESC, id DESC LIMIT ?",
            (limit,),
        )
        return [Conversation(**row) for row in rows]

    def rename(self, conversation_id: int, title: str) -> None:
        """Give a conversation another title; its place in the list stays."""
        self._update_conversation("title = ?", conversation_id, _storable(title))

    def set_system_prompt(self, conversation_id: int, system_prompt: str) -> None:
        """Change what the model is told before the first message; "" for nothing."""
        self._update_conversation("system_prompt = ?", conversation_id, _storable(system_prompt))

    def draft(self, conversation_id: int) -> str:
        """Return the text that was typed but not sent yet."""
        self.conversation(conversation_id)
        sql = "SELECT draft FROM conversations WHERE id = ?"
        draft: str = self._database.execute(sql, (conversation_id,))[0]["draft"]
        return draft

    def set_draft(self, conversation_id: int, text: str) -> None:
        """Keep text that was typed but not sent yet."""
        self._update_conversation("draft = ?", conversation_id, _storable(text))

    def delete(self, conversation_id: int) -> None:
        """Hide a conversation; `undelete` brings it back until it is purged."""
        self._update_conversation("deleted_at = ?", conversation_id, time.time())

    def undelete(self, conversation_id: int) -> None:
        """Bring back a deleted conversation, as it was."""
        self._database.execute(
            "UPDATE conversations SET deleted_at = NULL WHERE id = ?", (conversation_id,)
        )
        self.conversation(conversation_id)

    def purge(self, deleted_before: float) -> None:
        """Erase for good what was deleted before that time (seconds since 1970)."""
        self._database.execute("DELETE FROM conversations WHERE deleted_at < ?", (deleted_before,))

    def add_message(
        self,
        conversation_id: int,
        role: Role,
        content: str,
        *,
        parent_id: int | None,
        status: Status = "complete",
    ) -> Message:
        """Add a message below `parent_id` (None: as a first message) and show its branch."""
        now = time.time()
        with self._database.transaction():
            self.conversation(conversation_id)
            if parent_id is not None and self.message(parent_id).conversation_id != conversation_id:
                raise StoreError("There is no message {number}.", number=parent_id)
            row = self._database.execute(
                "INSERT INTO messages"
                " (conversation_id, parent_id, role, content, status, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?) RETURNING *",
                (conversation_id, parent_id, role, _storable(content), status, now),
            )[0]
            self._database.execute(
                "UPDATE conversations SET active_leaf_id = ?, updated_at = ? WHERE id = ?",
                (row["id"], now, conversation_id),
            )
        return Message(**row)

    def update_message(
        self,
        message_id: int,
        *,
        content: str,
        status: Status,
        finish_reason: str | None = None,
        model: str | None = None,
        usage: Usage | None = None,
        error: str | None = None,
    ) -> None:
        """Write how far an answer has come, or how it ended, over what was there before.

        Nothing happens if the message was purged meanwhile.
        """
        costs = (
            (None,) * 4
            if usage is None
            else (
                usage.prompt_tokens,
                usage.completion_tokens,
                usage.prefill_ms,
                usage.decode_tokens_per_second,
            )
        )
        self._database.execute(
            "UPDATE messages SET content = ?, status = ?, finish_reason = ?, model = ?, error = ?,"
            " prompt_tokens = ?, completion_tokens = ?, prefill_ms = ?,"
            " decode_tokens_per_second = ? WHERE id = ?",
            (_storable(content), status, finish_reason, model, error, *costs, message_id),
        )

    def message(self, message_id: int) -> Message:
        """Return one message, of a deleted conversation too."""
        rows = self._database.execute("SELECT * FROM messages WHERE id = ?", (message_id,))
        if not rows:
            raise StoreError("There is no message {number}.", number=message_id)
        return Message(**rows[0])

    def thread(self, conversation_id: int) -> list[Message]:
        """Return the messages of the branch that is shown, first message first."""
        self.conversation(conversation_id)
        rows = self._database.execute(
            """
            WITH RECURSIVE branch AS (
                SELECT messages.* FROM messages
                JOIN conversations ON messages.id = conversations.active_leaf_id
                WHERE conversations.id = ?
                UNION ALL
                SELECT messages.* FROM messages JOIN branch ON messages.id = branch.parent_id
            )
            SELECT * FROM branch ORDER BY id
            """,  # a message is always younger than its parent
            (conversation_id,),
        )
        return [Message(**row) for row in rows]

    def recover(self) -> None:
        """Mark as interrupted the answers whose process ended while it wrote them.

        If one is still being written by another process, that process's next write wins.
        """
        self._database.execute(
            "UPDATE messages SET status = 'interrupted' WHERE status = 'streaming'"
        )

    def _update_conversation(self, change: str, conversation_id: int, value: object) -> None:
        with self._database.transaction():
            self.conversation(conversation_id)
            self._database.execute(
                f"UPDATE conversations SET {change} WHERE id = ?",  # noqa: S608 (our own words)
                (value, conversation_id),
            )


def set_aside_damaged_store(path: Path) -> Path | None:
    """Rename a damaged store out of the way and return its new name; None if it is sound."""
    return set_aside_if_damaged(path, MIGRATIONS)


def _storable(text: str) -> str:
    """Lone surrogates, which a keyboard or a file name can yield, become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")
