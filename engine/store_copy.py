"""A whole conversation put into the store: duplicated, or imported."""

import json

from engine import store_tree
from engine.database import Database
from engine.store_types import ConversationTree, Message


def copy_tree(
    database: Database,
    tree: ConversationTree,
    *,
    origin: str | None = None,
    deleted_at: float | None = None,
) -> int:
    """Add a conversation with new numbers, and return its own; the caller opens a transaction."""
    conversation = tree.conversation
    row = database.execute(
        "INSERT INTO conversations (title, system_prompt, created_at, updated_at, pinned,"
        " settings, collections, origin, deleted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " RETURNING id",
        (
            storable(conversation.title),
            storable(conversation.system_prompt),
            conversation.created_at,
            conversation.updated_at,
            conversation.pinned,
            as_json(tree.settings),
            as_json(list(tree.collections)),
            origin,
            deleted_at,
        ),
    )[0]
    number: int = row["id"]
    new_ids: dict[int | None, int | None] = {None: None}
    for message in tree.messages:
        new_ids[message.id] = _copy_message(database, message, number, new_ids[message.parent_id])
    if (shown_id := new_ids[tree.shown_id]) is not None:
        leaf_id = store_tree.leaf_below(database, number, shown_id)
        store_tree.show_branch(database, number, leaf_id)
    return number


def _copy_message(
    database: Database, message: Message, conversation_id: int, parent_id: int | None
) -> int:
    row = database.execute(
        "INSERT INTO messages (conversation_id, parent_id, role, content, status, created_at,"
        " finish_reason, model, error, prompt_tokens, completion_tokens, prefill_ms,"
        " decode_tokens_per_second, sources)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " RETURNING id",
        (
            conversation_id,
            parent_id,
            message.role,
            storable(message.content),
            # Nobody goes on writing the copy of an answer.
            "interrupted" if message.status == "streaming" else message.status,
            message.created_at,
            message.finish_reason,
            None if message.model is None else storable(message.model),
            None if message.error is None else storable(message.error),
            message.prompt_tokens,
            message.completion_tokens,
            message.prefill_ms,
            message.decode_tokens_per_second,
            None if message.sources is None else as_json(message.sources),
        ),
    )[0]
    number: int = row["id"]
    return number


def as_json(value: object) -> str:
    """Return a JSON value as it is stored."""
    return storable(json.dumps(value, ensure_ascii=False))


def storable(text: str) -> str:
    """Lone surrogates, which a keyboard or a file name can yield, become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")
