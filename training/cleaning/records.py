"""Records and what a stage does with one."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

Record = dict[str, Any]
"""{"text"}, {"messages"} or {"prompt", "chosen", "rejected"}; other fields are carried along."""
_FIELDS = ("text", "messages", "prompt", "chosen", "rejected")


class Stage(Protocol):
    """One named step of cleaning."""

    name: ClassVar[str]
    counts: Counter[str]
    """What it found so far, by kind, for example {"e-mail": 3}."""

    def __call__(self, record: Record) -> Record | None:
        """Return the record, changed or not, or None if it is left out."""


@dataclass(kw_only=True)
class Rewriter(ABC):
    """A stage that changes or refuses each text of a record by itself."""

    name: ClassVar[str]
    counts: Counter[str] = field(default_factory=Counter, init=False, repr=False)

    def __call__(self, record: Record) -> Record | None:
        """Return the record with every text cleaned, or None if one is refused."""
        return map_texts(record, self.clean)

    @abstractmethod
    def clean(self, text: str) -> str | None:
        """Return the clean text, or None if the record is to be left out."""


@dataclass(kw_only=True)
class Filter(ABC):
    """A stage that looks at the whole text of a record and changes nothing."""

    name: ClassVar[str]
    counts: Counter[str] = field(default_factory=Counter, init=False, repr=False)

    def __call__(self, record: Record) -> Record | None:
        """Return the record, or None if it is left out."""
        return record if self.keeps(text_of(record)) else None

    @abstractmethod
    def keeps(self, text: str) -> bool:
        """Tell whether a record with this text is kept."""


def text_of(record: Record) -> str:
    """Return all text of a record, one field or message after another."""
    return "\n".join(texts_of(record))


def texts_of(record: Record) -> Iterator[str]:
    """Yield each field or message of a record."""
    for name in _FIELDS:
        value = record.get(name, ())
        yield from [value] if isinstance(value, str) else (m["content"] for m in value)


def map_texts(record: Record, change: Callable[[str], str | None]) -> Record | None:
    """Return a record with `change` applied to every text; None as soon as that returns None.

    A record that `change` leaves as it was is returned itself; a document of which nothing is
    left is left out.
    """
    changed = {}
    for name in _FIELDS:
        if name not in record:
            continue
        value = record[name]
        new = change(value) if isinstance(value, str) else _map_messages(value, change)
        if new is None or (name == "text" and not new):
            return None
        if new != value:
            changed[name] = new
    return {**record, **changed} if changed else record


def _map_messages(
    messages: list[dict[str, str]], change: Callable[[str], str | None]
) -> list[dict[str, str]] | None:
    changed = []
    for message in messages:
        content = change(message["content"])
        if content is None:
            return None
        changed.append({**message, "content": content})
    return changed
