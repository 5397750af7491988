"""A stored conversation as text: what the model is given of it, and its title."""

import unicodedata
from collections.abc import Sequence

from engine.store import Message

_TITLE_CHARACTERS = 40
_LONGEST_WORD_CUT = 15  # characters given up so that a title ends with a whole word
_JOINERS = "\u200d\ufe0e\ufe0f"  # zero width joiner and the selectors of emoji style


def turns_of(system_prompt: str, branch: Sequence[Message]) -> list[dict[str, str]]:
    """Return the messages that the model answers, the newest last."""
    turns: list[dict[str, str]] = []
    if system_prompt:
        turns.append({"role": "system", "content": system_prompt})
    for message in branch:
        if not message.content:
            continue  # an answer that failed or was stopped before its first word
        if turns and turns[-1]["role"] == message.role:
            # Many models' templates refuse two messages in a row from the same side.
            turns[-1]["content"] += "\n\n" + message.content
        else:
            turns.append({"role": message.role, "content": message.content})
    return turns


def title_of(text: str) -> str:
    """Return the first line of a message, cut to about 40 characters at the end of a word."""
    line = " ".join(text.strip().splitlines()[0].split())
    if len(line) <= _TITLE_CHARACTERS:
        return line
    end = _TITLE_CHARACTERS
    while end > 1 and (_continues(line[end]) or line[end - 1] == "\u200d"):
        end -= 1
    space = line.rfind(" ", end - _LONGEST_WORD_CUT, end + 1)
    if space > 0 and line[end].isascii():
        end = space
    return line[:end].rstrip() + "…"


def _continues(character: str) -> bool:
    """True if a character is drawn as part of the one before it."""
    return character in _JOINERS or unicodedata.category(character).startswith("M")
