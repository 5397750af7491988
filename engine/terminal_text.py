"""Writing to a terminal that trusts nobody: no model, name or file can steer it."""

import json
import re
import sys
import unicodedata
from collections.abc import Mapping


def printable(text: str) -> str:
    """Return `text` without the control characters with which a terminal is steered."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")


def json_for_terminal(values: Mapping[str, object]) -> str:
    """Return an object as JSON on one line, without what a terminal may obey."""
    text = json.dumps(values, ensure_ascii=False)
    # JSON itself lets these through.
    return re.sub("[\x7f-\x9f]", lambda match: f"\\u{ord(match[0]):04x}", text)


def say(text: object) -> None:
    """Print one line of result."""
    print(printable(str(text)), flush=True)


def notice(text: object) -> None:
    """Print one line beside the result, on stderr."""
    print(printable(str(text)), file=sys.stderr, flush=True)
