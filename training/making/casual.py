"""Questions as people type them: after a greeting, in small letters, without the last mark."""

import random
import re
from collections.abc import Sequence

_MARKS = " .?!。？！"


def casual_wordings(text: str, greetings: Sequence[str], generator: random.Random) -> list[str]:
    """Return other ways to type `text`, none if there are none.

    `greetings` end with what separates them from a question; what greets already gets none.
    """
    plain = text.rstrip(_MARKS).lower()
    ways = [plain] if plain and plain != text else []
    words = "|".join(re.escape(greeting.strip(" ,!，！")) for greeting in greetings)
    if words and not re.match(rf"(?:{words})(?![a-z])", text, re.IGNORECASE):
        ways.append(_after(generator.choice(greetings), text))
    return ways


def _after(greeting: str, text: str) -> str:
    """Return a text behind a greeting, in small letters if the sentence goes on."""
    if greeting.endswith(", ") and re.match(r"[A-Z][a-z]", text):
        text = text[0].lower() + text[1:]
    return greeting + text
