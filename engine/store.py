"""Conversations in one SQLite file. What a method has returned from is on the disk.

The messages of a conversation form a tree: each names its parent, and the conversation names
the leaf of the branch that is shown. Nothing is ever removed from a tree: what replaces a
message is another version of it, below the same parent.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from engine import store_search, store_tree
from engine.database import Database, find_damage, set_aside_if_damaged
from engine.errors import StoreError
from engine.events import Usage
from engine.store_copy import as_json, copy_tree, storable
from engine.store_schema import FUNCTIONS, MIGRATIONS
from engine.store_tree import MESSAGE_COLUMNS
from engine.store_types import (
    Conversation,
    ConversationTree,
    Message,
    Role,
    SearchHit,
    Status,
)

__all__ = [
    "Conversation",
    "ConversationTree",
    "Message",
    "Role",
    "SearchHit",
    "Status",
    "Store",
    "find_store_damage",
    "set_aside_damaged_store",
]

_COLUMNS = "id, title, system_prompt, created_at, updated_at, pinned"
_CONVERSATION = f"SELECT {_COLUMNS} FROM conversations "  # noqa: S608 (our own words)
_MAX_ID = 2**63 - 1
_NEVER_FINISHED = 0.0
"""When what an import has not finished yet was "deleted": the next purge erases it."""


class Store:
    """A connection to the store at `path`, for the thread that opened it; close it there.

    Any number of threads and processes may each have one. Every method raises StoreError if
    the file cannot be read or written, or names a conversation or message that is not there.
    A file that a newer version wrote can be read as far as its tables are the same.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._database = Database(path, MIGRATIONS, FUNCTIONS)

    @property
    def read_only(self) -> bool:
        """Whether a newer version wrote the file, so that every method that writes raises."""
        return self._database.read_only

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
            (storable(title), storable(system_prompt), now, now),
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
        return _conversation(rows[0])

    def list_conversations(self, limit: int = -1) -> list[Conversation]:
        """Return those not deleted: pinned ones, then the others, last used first (-1: all)."""
        rows = self._database.execute(
            _CONVERSATION + "WHERE deleted_at IS NULL"
            " ORDER BY pinned DESC, updated_at DESC, id DESC LIMIT ?",
            (limit,),
        )
        return [_conversation(row) for row in rows]

    def rename(self, conversation_id: int, title: str) -> None:
        """Give a conversation another title; its place in the list stays."""
        self._update_conversation("title = ?", conversation_id, storable(title))

    def set_system_prompt(self, conversation_id: int, system_prompt: str) -> None:
        """Change what the model is told before the first message; "" for nothing."""
        self._update_conversation("system_prompt = ?", conversation_id, storable(system_prompt))

    def set_pinned(self, conversation_id: int, *, pinned: bool) -> None:
        """Put a conversation before those that are not pinned, or back among them."""
        self._update_conversation("pinned = ?", conversation_id, pinned)

    def settings(self, conversation_id: int) -> dict[str, object]:
        """Return what `set_settings` stored last; {} at first."""
        settings: dict[str, object] = json.loads(self._column("settings", conversation_id))
        return settings

    def set_settings(self, conversation_id: int, settings: Mapping[str, object]) -> None:
        """Keep a JSON object with a conversation; the store does not look into it."""
        self._update_conversation("settings = ?", conversation_id, as_json(settings))

    def collections(self, conversation_id: int) -> tuple[int, ...]:
        """Return the library's collections that the next question asks; none at first."""
        return tuple(json.loads(self._column("collections", conversation_id)))

    def set_collections(self, conversation_id: int, collections: Sequence[int]) -> None:
        """Keep which of the library's collections the next question asks."""
        self._update_conversation("collections = ?", conversation_id, as_json(list(collections)))

    def draft(self, conversation_id: int) -> str:
        """Return the text that was typed but not sent yet."""
        return self._column("draft", conversation_id)

    def set_draft(self, conversation_id: int, text: str) -> None:
        """Keep text that was typed but not sent yet."""
        self._update_conversation("draft = ?", conversation_id, storable(text))

    def delete(self, conversation_id: int) -> None:
        """Hide a conversation; `undelete` brings it back until it is purged."""
        self._update_conversation("deleted_at = ?", conversation_id, time.time())

    def undelete(self, conversation_id: int) -> None:
        """Bring back a deleted conversation, as it was."""
        self._database.execute(
            "UPDATE conversations SET deleted_at = NULL WHERE id = ?", (conversation_id,)
        )
        self.conversation(conversation_id)

    def list_deleted(self) -> list[tuple[Conversation, float]]:
        """Return the deleted ones and when (seconds since 1970), last deleted first."""
        rows = self._database.execute(
            f"SELECT {_COLUMNS}, deleted_at FROM conversations"  # noqa: S608 (our own words)
            " WHERE deleted_at > ? ORDER BY deleted_at DESC, id DESC",
            (_NEVER_FINISHED,),
        )
        return [(_conversation(row), row["deleted_at"]) for row in rows]

    def erase(self, conversation_id: int) -> None:
        """Erase one deleted conversation for good; one that is not deleted stays."""
        self._database.execute(
            "DELETE FROM conversations WHERE id = ? AND deleted_at IS NOT NULL", (conversation_id,)
        )

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
        sources: Mapping[str, object] | None = None,
    ) -> Message:
        """Add a message below `parent_id` (None: as a first message) and show its branch."""
        now = time.time()
        with self._database.transaction():
            self.conversation(conversation_id)
            if parent_id is not None and self.message(parent_id).conversation_id != conversation_id:
                raise StoreError("There is no message {number}.", number=parent_id)
            columns = "conversation_id, parent_id, role, content, status, created_at, sources"
            row = self._database.execute(
                f"INSERT INTO messages ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
                f" RETURNING {MESSAGE_COLUMNS}",
                (
                    *(conversation_id, parent_id, role, storable(content), status, now),
                    None if sources is None else as_json(sources),
                ),
            )[0]
            self._database.execute(
                "UPDATE conversations SET updated_at = ? WHERE id = ?", (now, conversation_id)
            )
            store_tree.show_branch(self._database, conversation_id, row["id"])
        return store_tree.message_of(row)

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
        sources: Mapping[str, object] | None = None,
    ) -> None:
        """Write how far an answer has come, or how it ended, over what was there before.

        Sources that are there stay where none are given.
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
            " decode_tokens_per_second = ?, sources = coalesce(?, sources) WHERE id = ?",
            (
                *(storable(content), status, finish_reason, model, error, *costs),
                None if sources is None else as_json(sources),
                message_id,
            ),
        )

    def message(self, message_id: int) -> Message:
        """Return one message, of a deleted conversation too."""
        rows = self._database.execute(
            f"SELECT {MESSAGE_COLUMNS} FROM messages WHERE id = ?",  # noqa: S608 (our own words)
            (message_id if 0 < message_id <= _MAX_ID else None,),
        )
        if not rows:
            raise StoreError("There is no message {number}.", number=message_id)
        return store_tree.message_of(rows[0])

    def thread(self, conversation_id: int) -> list[Message]:
        """Return the messages of the branch that is shown, first message first."""
        self.conversation(conversation_id)
        rows = store_tree.branch(self._database, conversation_id)
        return [store_tree.message_of(row) for row in rows]

    def versions(self, conversation_id: int) -> dict[int, list[int]]:
        """Return, for each message of the shown branch with other versions, the ids of all.

        They are in the order in which they came, the shown one among them.
        """
        self.conversation(conversation_id)
        return store_tree.versions(self._database, conversation_id)

    def show_version(self, message_id: int) -> None:
        """Show the branch through a message, as it was shown last; no change if it is shown.

        So the arrows step between versions, and a search jumps to what it found.
        """
        with self._database.transaction():
            conversation_id = self.message(message_id).conversation_id
            if message_id in (message.id for message in self.thread(conversation_id)):
                return
            leaf_id = store_tree.leaf_below(self._database, conversation_id, message_id)
            store_tree.show_branch(self._database, conversation_id, leaf_id)

    def search(self, query: str, limit: int = 50) -> list[SearchHit]:
        """Return where all words of `query` are: titles, then messages of all branches.

        At most `limit` of each, the newest first. A word matches from its beginning, Chinese
        anywhere; case, accents and width do not matter. An answer is found once it has ended.
        """
        return store_search.search(self._database, query, limit)

    def tree(self, conversation_id: int) -> ConversationTree:
        """Return a conversation with all its branches."""
        with self._database.transaction(writes=False):
            conversation = self.conversation(conversation_id)
            rows = self._database.execute(
                f"SELECT {MESSAGE_COLUMNS} FROM messages"  # noqa: S608 (our own words)
                " WHERE conversation_id = ? ORDER BY id",
                (conversation_id,),
            )
            [[shown_id]] = self._database.execute(
                "SELECT active_leaf_id FROM conversations WHERE id = ?", (conversation_id,)
            )
            settings = self.settings(conversation_id)
            collections = self.collections(conversation_id)
        messages = [store_tree.message_of(row) for row in rows]
        return ConversationTree(
            conversation=conversation,
            settings=settings,
            messages=messages,
            shown_id=shown_id,
            collections=collections,
        )

    def duplicate(self, conversation_id: int, title: str) -> Conversation:
        """Copy a conversation with all its branches, under another title; drafts stay."""
        with self._database.transaction():
            tree, now = self.tree(conversation_id), time.time()
            copy = replace(
                tree.conversation, title=title, created_at=now, updated_at=now, pinned=False
            )
            number = copy_tree(self._database, replace(tree, conversation=copy))
        return self.conversation(number)

    def add_import(self, trees: Sequence[tuple[ConversationTree, str]]) -> list[int]:
        """Add conversations, each with a fingerprint of its origin, out of sight.

        `show_import` shows them; without it, the next purge erases them.
        """
        with self._database.transaction():
            return [
                copy_tree(self._database, tree, origin=origin, deleted_at=_NEVER_FINISHED)
                for tree, origin in trees
            ]

    def show_import(self, ids: Sequence[int]) -> None:
        """Show what `add_import` added, all of it or (StoreError) nothing."""
        with self._database.transaction():
            shown = self._database.execute(
                "UPDATE conversations SET deleted_at = NULL WHERE deleted_at = ?"
                " AND id IN (SELECT value FROM json_each(?)) RETURNING id",
                (_NEVER_FINISHED, json.dumps(ids)),
            )
            if len(shown) != len(ids):
                raise StoreError(
                    "Another window of GEB Chat was started during the import and tidied up. "
                    "Nothing was imported; try again."
                )

    def drop_import(self, ids: Sequence[int]) -> None:
        """Erase what `add_import` added."""
        self._database.execute(
            "DELETE FROM conversations WHERE deleted_at = ?"
            " AND id IN (SELECT value FROM json_each(?))",
            (_NEVER_FINISHED, json.dumps(ids)),
        )

    def imported(self, origin: str) -> bool:
        """Return whether a conversation that is not deleted was imported from `origin`."""
        sql = "SELECT 1 FROM conversations WHERE origin = ? AND deleted_at IS NULL LIMIT 1"
        return bool(self._database.execute(sql, (origin,)))

    def created_at(self, seconds: float) -> list[int]:
        """Return the conversations, deleted ones left out, that were created at that time."""
        rows = self._database.execute(
            "SELECT id FROM conversations WHERE created_at = ? AND deleted_at IS NULL", (seconds,)
        )
        return [row["id"] for row in rows]

    def state(self, key: str) -> object:
        """Return what `set_state` stored last under `key`; None at first."""
        rows = self._database.execute("SELECT value FROM state WHERE key = ?", (key,))
        return json.loads(rows[0]["value"]) if rows else None

    def set_state(self, key: str, value: object) -> None:
        """Keep a JSON value: where the window was, what was open, how far it was scrolled."""
        self._database.execute(
            "INSERT INTO state (key, value) VALUES (?, ?)"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, as_json(value)),
        )

    def speed(self, model: str) -> float | None:
        """Return the tokens/s of a model's latest answers; None where none was long enough."""
        [[mean]] = self._database.execute(
            "SELECT avg(decode_tokens_per_second) FROM (SELECT decode_tokens_per_second"
            " FROM messages WHERE model = ? AND completion_tokens >= 16"
            " AND decode_tokens_per_second > 0 ORDER BY id DESC LIMIT 20)",
            (model,),
        )
        speed: float | None = mean
        return speed

    def recover(self) -> None:
        """Mark as interrupted the answers whose process ended while it wrote them.

        If one is still being written by another process, that process's next write wins.
        """
        self._database.execute(
            "UPDATE messages SET status = 'interrupted' WHERE status = 'streaming'"
        )

    def _column(self, column: str, conversation_id: int) -> str:
        self.conversation(conversation_id)
        sql = f"SELECT {column} FROM conversations WHERE id = ?"  # noqa: S608 (our own words)
        [[text]] = self._database.execute(sql, (conversation_id,))
        value: str = text
        return value

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


def find_store_damage(path: Path, is_cancelled: Callable[[], bool]) -> None:
    """Read all of a large store; raises StoreError if it is damaged. From any thread."""
    find_damage(path, MIGRATIONS, is_cancelled)


def _conversation(row: sqlite3.Row) -> Conversation:
    number, title, system_prompt, created_at, updated_at, pinned, *_ = row
    return Conversation(
        id=number,
        title=title,
        system_prompt=system_prompt,
        created_at=created_at,
        updated_at=updated_at,
        pinned=bool(pinned),
    )
