"""How long a record may be."""

from dataclasses import dataclass
from typing import ClassVar

from engine.errors import ConfigError
from training.cleaning.records import Filter


@dataclass(kw_only=True)
class Length(Filter):
    """Leaves out what is too short to say anything or too long to be one text."""

    name: ClassVar[str] = "length"
    minimum: int = 40
    """Characters of all text of the record."""
    maximum: int = 5_000_000
    """Characters of all text of the record."""

    def __post_init__(self) -> None:
        if self.minimum > self.maximum:
            raise ConfigError(
                "The cleaning stage length would keep nothing: its minimum of {minimum} characters"
                " is above its maximum of {maximum}.",
                minimum=self.minimum,
                maximum=self.maximum,
            )

    def keeps(self, text: str) -> bool:
        """See Filter."""
        if self.minimum <= len(text) <= self.maximum:
            return True
        self.counts["too short" if len(text) < self.minimum else "too long"] += 1
        return False
