"""Prompts with a better and a worse answer, in our own format or in that of hh-rlhf.

Ours: {"prompt": [messages], "chosen", "rejected"}, the answers optional. hh-rlhf (Bai et al.
2022): {"chosen", "rejected"}, two transcripts that differ in their last turn.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.chat_template import Message
from engine.errors import DataError
from training.evaluation.files import read_json_lines, unknown_format

_TURN = re.compile(r"(?:^|\n\n)(Human|Assistant):")
_ANSWER = "\n\nAssistant:"
_ROLES = {"Human": "user", "Assistant": "assistant"}


@dataclass(frozen=True)
class Preference:
    """A conversation that waits for an answer, and two answers where the file has them."""

    messages: list[Message]
    answers: tuple[str, str] | None
    """The chosen one and the rejected one."""


def read_preferences(path: Path) -> list[Preference]:
    """Return the records of a .jsonl or .jsonl.xz file.

    Raises DataError for another format, or a file without any.
    """
    try:
        preferences = [_preference(record) for record in read_json_lines(path)]
    except (KeyError, TypeError, ValueError) as error:
        raise unknown_format(path) from error
    if not preferences:
        raise DataError("{path} holds no prompt.", path=path)
    return preferences


def _preference(record: dict[str, Any]) -> Preference:
    if "prompt" in record:
        messages: list[Message] = [
            {"role": str(message["role"]), "content": str(message["content"])}
            for message in record["prompt"]
        ]
        if not messages:
            raise ValueError("a prompt without a message")
        if "chosen" not in record:
            return Preference(messages, None)
        return Preference(messages, (str(record["chosen"]), str(record["rejected"])))
    chosen, rejected = str(record["chosen"]), str(record["rejected"])
    # An answer may hold another "Assistant:", the shared part may not.
    end = os.path.commonprefix([chosen, rejected]).rindex(_ANSWER)  # noqa: RUF071 - no paths
    answers = [text[end:].removeprefix(_ANSWER).strip() for text in (chosen, rejected)]
    return Preference(_transcript(chosen[:end]), (answers[0], answers[1]))


def _transcript(text: str) -> list[Message]:
    """Return the messages of "\\n\\nHuman: …\\n\\nAssistant: …\\n\\nHuman: …"."""
    _, *turns = _TURN.split(text)
    if not turns:
        raise ValueError("a transcript without a turn")
    pairs = zip(turns[::2], turns[1::2], strict=True)
    return [{"role": _ROLES[name], "content": content.strip()} for name, content in pairs]
