"""Records as the training stages take them."""

from typing import Any

Record = dict[str, Any]


def conversation(turns: list[tuple[str, str]], language: str) -> Record:
    """Return a record of (user, assistant) turns."""
    messages = []
    for user, assistant in turns:
        messages.append({"role": "user", "content": user})
        messages.append({"role": "assistant", "content": assistant})
    return {"messages": messages, "lang": language}
