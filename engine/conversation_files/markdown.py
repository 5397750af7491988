"""Markdown that people read, and that can be read back: the branch that is shown.

An HTML comment, which no viewer shows, stands before each conversation and each message and holds
what the text does not say: roles, times, the model, its numbers. Nobody sees it before passing the
file on, so it holds no words of the user's, no passages and no paths; the JSON export holds all.
What stands below an answer, its sources above all, follows a comment of its own and is for people.
A line of a message that looks like a comment of ours gets a backslash before it.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from engine.conversation_files import geb_json
from engine.conversation_files.branch import citations, failure, shown_branch, speaker
from engine.conversation_files.limits import MeteredFile, damaged, not_conversations, not_valid
from engine.documents.answering.sources import place_of
from engine.store_types import ConversationTree, Message

FIRST_BYTES = b"<!-- geb-chat "

_MARK = re.compile(r"<!-- geb-chat (conversation|message) (\{.*\}) -->\r?\n")
_BELOW = "<!-- geb-chat below -->"
_LIKE_A_MARK = re.compile(r"^(\\*<!-- geb-chat )", re.MULTILINE)
_QUOTED = re.compile(r"^\\(\\*<!-- geb-chat )", re.MULTILINE)
_MARKDOWN = re.compile(r"([\\`*_\[\]<>&~$|])")
_OF_MESSAGE = (
    "role",
    "status",
    "created_at",
    "finish_reason",
    "model",
    "prompt_tokens",
    "completion_tokens",
    "prefill_ms",
    "decode_tokens_per_second",
)


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
        _write_mark(file, "conversation", _of_conversation(tree))
        file.write(f"# {' '.join(tree.conversation.title.split())}\n\n")
        for message in shown_branch(tree):
            # Earlier versions want to hear of an error.
            values = {name: getattr(message, name) for name in _OF_MESSAGE} | {"error": None}
            _write_mark(file, "message", values)
            quoted = _LIKE_A_MARK.sub(r"\\\1", message.content)
            file.write(f"## {speaker(message)}\n\n{quoted}\n\n{_below(message)}")


def read(path: Path, file: MeteredFile) -> Iterator[ConversationTree]:
    """Yield the conversations of a file. Raises DataError if `write` did not write it."""
    conversation: dict[str, Any] | None = None
    messages: list[dict[str, Any]] = []
    lines: list[str] = []
    for line in _lines(path, file):
        if line.rstrip("\r\n") == _BELOW:
            _end_message(messages, lines)
        mark = _MARK.fullmatch(line)
        if mark is None:
            lines.append(line)
            continue
        _end_message(messages, lines)
        lines = []
        values = _values(path, mark[2])
        values.pop("content", None)  # the text below is what counts
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


def _of_conversation(tree: ConversationTree) -> dict[str, object]:
    conversation = tree.conversation
    settings: dict[str, object] = {
        name: value
        for name, value in tree.settings.items()
        if value is None or isinstance(value, int | float)
    }
    model = tree.settings.get("model")
    if isinstance(model, str) and not set("/\\") & set(model):  # else it is a folder
        settings["model"] = model
    return {
        "title": conversation.title,
        "system_prompt": "",
        "created_at": conversation.created_at,
        "updated_at": conversation.updated_at,
        "pinned": conversation.pinned,
        "settings": settings,
    }


def _below(message: Message) -> str:
    """Return what people read below a message and an import leaves out."""
    lines = [f"*{sentence}*\n"] if (sentence := failure(message)) else []
    lines += [
        f"- [{citation.number}] {_plain(place_of(citation.passage))}: “{_plain(citation.text)}”\n"
        for citation in citations(message)
    ]
    return f"{_BELOW}\n\n{''.join(lines)}\n" if lines else ""


def _plain(text: str) -> str:
    """Return Markdown that shows `text`, in one line."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


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
    if messages and "content" not in messages[-1]:
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
