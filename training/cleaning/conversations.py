"""The form in which conversations and preference pairs teach something."""

from collections import Counter
from dataclasses import dataclass, field
from typing import ClassVar

from training.cleaning.records import Record


@dataclass(kw_only=True)
class Turns:
    """Cuts long conversations and ends each with an answer."""

    name: ClassVar[str] = "turns"
    maximum: int = 1000
    """Messages that are kept."""
    counts: Counter[str] = field(default_factory=Counter, init=False, repr=False)

    def __call__(self, record: Record) -> Record | None:
        """Return the conversation as far as an answer, or None if it holds none."""
        messages = record["messages"][: self.maximum]
        if messages and messages[-1]["role"] != "assistant":
            messages = messages[:-1]
        if len(messages) == len(record["messages"]):
            return record
        return {**record, "messages": messages} if messages else None


@dataclass(kw_only=True)
class Pairs:
    """Leaves out preference pairs without a difference: they teach nothing."""

    name: ClassVar[str] = "pairs"
    counts: Counter[str] = field(default_factory=Counter, init=False, repr=False)

    def __call__(self, record: Record) -> Record | None:
        """Return the pair, or None if the chosen answer is the rejected one."""
        return record if record["chosen"] != record["rejected"] else None
