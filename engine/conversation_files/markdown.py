"""Markdown that people read, and that can be read back: the branch that is shown.

An HTML comment, which no viewer shows, stands before each conversation and each message and holds
what the text does not say. A line of a message that looks like one gets a backslash before it.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from engine.conversation_files import geb_json
from engine.conversation_files.branch import shown_branch, speaker
from engine.conversation_files.limits import MeteredFile, damaged, not_conversations, not_valid
from engine.store_types import ConversationTree

FIRST_BYTES = b"<!-- geb-chat "

_MARK = re.compile(r"<!-- geb-chat (conversation|message) (\{.*\}) -->\r?\n")
_LIKE_A_MARK = re.compile(r"^(\\*<!-- geb-chat )", re.MULTILINE)
_QUOTED = re.compile(r"^\\(\\*<!-- geb-chat )", re.MULTILINE)


def is_conversation(path: Path) -> bool:
    """Tell whether a file begins as an exported conversation does; False if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(FIRST_BYTES)) == FIRST_BYTES
    except OSError:
        return False


def write(trees: Iterable[ConversationTree], file: TextIO) -> None:
    """Write the shown branch of each conversation, one after the other."""
    for tree in trees:
        _write_mark(file, "conversation", asdict(tree.conversation) | {"settings": tree.settings})
        file.write(f"# {' '.join(tree.conversation.title.split())}\n\n")
        for message in shown_branch(tree):
            values = asdict(message)
            content = values.pop("content")
            _write_mark(file, "message", values)
            quoted = _LIKE_A_MARK.sub(r"\\\1", content)
            file.write(f"## {speaker(message)}\n\n{quoted}\n\n")


def read(path: Path, file: MeteredFile) -> Iterator[ConversationTree]:
    """Yield the conversations of a file. Raises DataError if `write` did not write it."""
    conversation: dict[str, Any] | None = None
    messages: list[dict[str, Any]] = []
    lines: list[str] = []
    for line in _lines(path, file):
        mark = _MARK.fullmatch(line)
        if mark is None:
            lines.append(line)
            continue
        _end_message(messages, lines)
        lines = []
        values = _values(path, mark[2])
        if mark[1] == "message" and conversation is not None:
            messages.append(values)
            continue
        if mark[1] == "message":
            raise not_conversations(path)
        if conversation is not None:
            yield _tree(path, conversation, messages)
            file.rewind_meter()
        conversation, messages = values, []
    if conversation is None:
        raise not_conversations(path)
    _end_message(messages, lines)
    yield _tree(path, conversation, messages)


def _write_mark(file: TextIO, kind: str, values: dict[str, Any]) -> None:
    text = json.dumps(values, ensure_ascii=False).replace("-", "\\u002d")  # "--" ends a comment
    # A comment ends at a line's end for some viewers, and some characters end a line.
    text = re.sub("[\x7f-\x9f\u2028\u2029]", lambda match: f"\\u{ord(match[0]):04x}", text)
    file.write(f"<!-- geb-chat {kind} {text} -->\n")


def _lines(path: Path, file: MeteredFile) -> Iterator[str]:
    while line := file.readline():
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise not_valid(path) from error


def _end_message(messages: list[dict[str, Any]], lines: list[str]) -> None:
    """Give the last message its text: without the heading before it and the blank line after."""
    if messages:
        text = "".join(lines[2:]).removesuffix("\n\n")
        messages[-1]["content"] = _QUOTED.sub(r"\1", text)


def _values(path: Path, text: str) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise damaged(path) from error
    return values


def _tree(
    path: Path, conversation: dict[str, Any], messages: list[dict[str, Any]]
) -> ConversationTree:
    parent_id = None
    for number, message in enumerate(messages, 1):
        message |= {"id": number, "parent_id": parent_id}
        parent_id = number
    values = conversation | {"messages": messages, "shown": parent_id}
    header = [("format", geb_json.FORMAT), ("version", geb_json.VERSION)]
    [tree] = geb_json.read(path, [*header, ("conversations", values)])
    return tree
