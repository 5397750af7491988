"""Writing to a terminal that trusts nobody: no model, name or file can steer it."""

import sys
import unicodedata


def printable(text: str) -> str:
    """Return `text` without the control characters with which a terminal is steered."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")


def say(text: object) -> None:
    """Print one line of result."""
    print(printable(str(text)), flush=True)


def notice(text: object) -> None:
    """Print one line beside the result, on stderr."""
    print(printable(str(text)), file=sys.stderr, flush=True)
