"""What sessions said before they were killed, and what is not so afterwards."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Key = tuple[str, str]
"""A kind (message, draft, title, setting, import, collection) and its number or name."""


@dataclass
class Journal:
    """What is stored for sure, and what may be instead of it because it was under way."""

    kept: dict[Key, Any] = field(default_factory=dict)
    tried: dict[Key, list[Any]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    """What went wrong in a session's own eyes."""

    def note(self, line: str) -> None:
        """Take a line of a session; a line that the kill cut off says nothing."""
        try:
            kind, what, name, value = json.loads(line)
        except ValueError:
            return
        key = (what, str(name))
        if kind == "try":
            self.tried.setdefault(key, []).append(value)
        elif kind == "kept":
            self.kept[key] = value
            self.tried.pop(key, None)
        else:
            self.problems.append(f"{what}: {value}")

    def lost(self, stored: Callable[[Key], Any]) -> list[str]:
        """Return what is not as it should be, in words; what was under way is settled now."""
        found = []
        for key, value in self.kept.items():
            now = stored(key)
            if now != value and now not in self.tried.get(key, ()):
                found.append(f"{' '.join(key)}: {value!r} is {now!r}")
            self.kept[key] = now
        self.tried.clear()
        return found
