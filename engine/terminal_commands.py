"""What one types in `geb chat` that is for the chat itself and not for the model."""

import re
from typing import Final

from engine.i18n import to_translate, tr

COMMANDS: Final = (
    ("/help", to_translate("list these commands")),
    ("/new", to_translate("begin a new conversation")),
    ("/regenerate", to_translate("answer the last question anew")),
    ("/exit, /quit", to_translate("leave, as Ctrl-D does")),
)


def command_of(line: str) -> str:
    """Return the command that a line is, known or not; "" where it is a message."""
    return line if re.fullmatch(r"/[^\s/]+", line) else ""


def message_of(line: str) -> str:
    """Return the message that a line is: of two slashes that begin it, one is sent."""
    return line[1:] if line.startswith("//") else line


def help_text() -> str:
    """Return what there is, a line for each command."""
    lines = [f"{names:<14}{tr(meaning)}" for names, meaning in COMMANDS]
    return "\n".join([*lines, tr("A message that begins with / is typed with //.")])
