"""ChatGPT's conversations.json: a list of conversations, each a tree of nodes by their ids.

Only what a person saw is taken: text of the user and of the assistant, in all branches. Hidden
nodes, tools and pictures are left out, and what hung below them hangs below the node before.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from engine.conversation_files.json_stream import Item
from engine.conversation_files.limits import MAX_SECONDS, not_conversations
from engine.store_types import Conversation, ConversationTree, Message, Role

# Marks of sources, for ChatGPT's own page: private characters around their names.
_SOURCE_MARK = re.compile("\ue200[^\ue201]*\ue201")


def read(path: Path, items: Iterable[Item]) -> Iterator[ConversationTree]:
    """Yield the conversations of a file. Raises DataError for one that has no tree."""
    for _, value in items:
        if not isinstance(value, dict) or not isinstance(value.get("mapping"), dict):
            raise not_conversations(path)
        yield _tree(value)


def _tree(values: dict[str, Any]) -> ConversationTree:
    nodes: dict[str, dict[str, Any]] = {
        name: node for name, node in values["mapping"].items() if isinstance(node, dict)
    }
    created_at = _time(values.get("create_time"), 0.0)
    kept: dict[str | None, int | None] = {None: None}
    messages: list[Message] = []
    for name in _parents_first(nodes):
        parent_id = kept[_parent(nodes, name)]
        role, text = _visible_text(_of(dict, nodes[name].get("message")))
        if role is None or not text:
            kept[name] = parent_id
            continue
        kept[name] = len(messages) + 1
        messages.append(
            _message(nodes[name]["message"], role, text, created_at, parent_id, kept[name] or 0)
        )
    shown_id = kept.get(_of(str, values.get("current_node")) or None)
    if shown_id is None and messages:
        shown_id = messages[-1].id
    updated_at = max(_time(values.get("update_time"), created_at), created_at)
    conversation = Conversation(
        id=0,
        title=_of(str, values.get("title")),
        system_prompt="",
        created_at=created_at,
        updated_at=updated_at,
    )
    return ConversationTree(
        conversation=conversation, settings={}, messages=messages, shown_id=shown_id
    )


def _parent(nodes: dict[str, dict[str, Any]], name: str) -> str | None:
    parent = nodes[name].get("parent")
    return parent if isinstance(parent, str) and parent in nodes else None


def _parents_first(nodes: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield each node after its parent; nodes in a circle, and below one, are left out."""
    children: dict[str | None, list[str]] = {}
    for name in nodes:
        children.setdefault(_parent(nodes, name), []).append(name)
    waiting = list(reversed(children.get(None, [])))
    while waiting:
        name = waiting.pop()
        yield name
        waiting += reversed(children.get(name, []))


def _visible_text(message: dict[str, Any]) -> tuple[Role | None, str]:
    role = _of(dict, message.get("author")).get("role")
    hidden = _of(dict, message.get("metadata")).get("is_visually_hidden_from_conversation")
    if (
        role not in ("user", "assistant")
        or hidden is True
        or message.get("weight") == 0
        or message.get("recipient") not in (None, "all")  # a call of a tool
    ):
        return None, ""
    content = _of(dict, message.get("content"))
    if content.get("content_type") not in ("text", "multimodal_text"):
        return None, ""
    parts = [part for part in _of(list, content.get("parts")) if isinstance(part, str) and part]
    return ("user" if role == "user" else "assistant"), _SOURCE_MARK.sub("", "\n\n".join(parts))


def _message(
    values: dict[str, Any],
    role: Role,
    text: str,
    created_at: float,
    parent_id: int | None,
    number: int,
) -> Message:
    model = _of(dict, values.get("metadata")).get("model_slug")
    return Message(
        id=number,
        conversation_id=0,
        parent_id=parent_id,
        role=role,
        content=text,
        status="complete",
        created_at=_time(values.get("create_time"), created_at),
        finish_reason=None,
        model=model if role == "assistant" and isinstance(model, str) else None,
        error=None,
        prompt_tokens=None,
        completion_tokens=None,
        prefill_ms=None,
        decode_tokens_per_second=None,
    )


def _of(kind: type, value: Any) -> Any:
    """Return a value of that kind; an empty one in the place of any other."""
    return value if isinstance(value, kind) else kind()


def _time(value: Any, otherwise: float) -> float:
    usable = type(value) in (int, float) and 0 <= value <= MAX_SECONDS
    return float(value) if usable else otherwise
