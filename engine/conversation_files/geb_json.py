"""Our own JSON: everything of a conversation, all its branches included.

    {"format": "geb-chat", "version": 1, "conversations": [{…}, …]}

A conversation has the fields of `Conversation`, its settings, `shown` (the last message of the
branch that is shown) and its messages, each after its parent; ids count within the file only.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO, get_args

from engine.conversation_files.json_stream import Item
from engine.conversation_files.limits import MAX_SECONDS, damaged, not_conversations
from engine.documents.answering.sources import DocumentScope, Sources
from engine.errors import DataError
from engine.store_types import Conversation, ConversationTree, Message, Role, Status

FORMAT = "geb-chat"
VERSION = 1
_FINISH_REASONS = (None, "stop", "length", "cancelled", "error")


def write(trees: Iterable[ConversationTree], file: TextIO) -> None:
    """Write conversations one after the other."""
    file.write(f'{{"format": "{FORMAT}", "version": {VERSION}, "conversations": [')
    for place, tree in enumerate(trees):
        file.write(",\n" if place else "\n")
        json.dump(_as_values(tree), file, ensure_ascii=False)
    file.write("\n]}\n")


def read(path: Path, items: Iterable[Item]) -> Iterator[ConversationTree]:
    """Yield the conversations of a file. Raises DataError if it is not one of ours."""
    header: dict[str | None, Any] = {}
    for key, value in items:
        if key != "conversations":
            header[key] = value
            continue
        _check_header(path, header)
        try:
            yield _tree(value)
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(path) from error
    _check_header(path, header)


def _check_header(path: Path, header: dict[str | None, Any]) -> None:
    version = header.get("version")
    if header.get("format") != FORMAT or not isinstance(version, int):
        raise not_conversations(path)
    if version > VERSION:
        raise DataError(
            "{path} was written by a newer version of GEB Chat. Update the application to import "
            "it.",
            path=path,
        )


def _as_values(tree: ConversationTree) -> dict[str, object]:
    values = asdict(tree.conversation)
    del values["id"]
    messages = []
    for message in tree.messages:
        fields = asdict(message)
        del fields["conversation_id"]
        messages.append(fields)
    return values | {"settings": tree.settings, "shown": tree.shown_id, "messages": messages}


def _tree(values: dict[str, Any]) -> ConversationTree:
    """Raises KeyError, TypeError or ValueError for what is not a conversation."""
    messages = [_message(fields) for fields in _of(list, values["messages"])]
    seen: set[int | None] = {None}
    for message in messages:
        if message.parent_id not in seen or message.id in seen:
            raise ValueError("not a tree")
        seen.add(message.id)
    shown_id = values["shown"]
    if shown_id not in seen or (shown_id is None) != (not messages):
        raise ValueError("no such message")
    conversation = Conversation(
        id=0,
        title=_of(str, values["title"]),
        system_prompt=_of(str, values["system_prompt"]),
        created_at=_time(values["created_at"]),
        updated_at=_time(values["updated_at"]),
        pinned=_of(bool, values["pinned"]),
    )
    settings = _of(dict, values["settings"])
    return ConversationTree(
        conversation=conversation, settings=settings, messages=messages, shown_id=shown_id
    )


def _message(values: dict[str, Any]) -> Message:
    parent_id = values["parent_id"]
    role = _one_of(get_args(Role), values["role"])
    return Message(
        id=_number(values["id"]),
        conversation_id=0,
        parent_id=None if parent_id is None else _number(parent_id),
        role=role,
        content=_of(str, values["content"]),
        status=_one_of(get_args(Status), values["status"]),
        created_at=_time(values["created_at"]),
        finish_reason=_one_of(_FINISH_REASONS, values["finish_reason"]),
        model=_of((str, type(None)), values["model"]),
        error=_of((str, type(None)), values["error"]),
        prompt_tokens=_optional(_number, values["prompt_tokens"]),
        completion_tokens=_optional(_number, values["completion_tokens"]),
        prefill_ms=_optional(_amount, values["prefill_ms"]),
        decode_tokens_per_second=_optional(_amount, values["decode_tokens_per_second"]),
        sources=_sources(role, values.get("sources")),  # older versions wrote none
    )


def _sources(role: Role, value: Any) -> dict[str, object] | None:
    """Return an answer's sources as they are stored; quotes must be in their own passages.

    Which files a question asked is not taken over: no import may have files read.
    """
    if value is None:
        return None
    if role == "user":
        DocumentScope.from_json(value)
        return None
    return Sources.from_json(value).to_json()


def _of(kind: Any, value: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError("another kind of value")
    return value


def _one_of(choices: tuple[Any, ...], value: Any) -> Any:
    if value not in choices:
        raise ValueError("none of the choices")
    return value


def _optional(kind: Any, value: Any) -> Any:
    return None if value is None else kind(value)


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError("not a number of something")
    return value


def _amount(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value < 1e300:
        raise ValueError("not an amount")
    return float(value)


def _time(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value <= MAX_SECONDS:
        raise ValueError("not a time")
    return float(value)
