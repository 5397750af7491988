"""Word lists beside the code that uses them, in TOML: words with blanks between them."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from training.evaluation.language import Language

_FOLDERS: dict[Language, str] = {"zh": "chinese", "en": "english"}


class Vocabulary:
    """The words that questions in one language need to know."""

    def __init__(self, language: Language) -> None:
        path = Path(__file__).parent / _FOLDERS[language] / "vocabulary.toml"
        self._contents: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))

    def words(self, name: str) -> tuple[str, ...]:
        """Return the words of one list in order."""
        return tuple(self._contents[name].split())

    def table(self, name: str) -> dict[str, tuple[str, ...]]:
        """Return a table of word lists."""
        return {key: tuple(value.split()) for key, value in self._contents[name].items()}

    def entries(self, name: str) -> list[dict[str, Any]]:
        """Return an array of tables."""
        entries: list[dict[str, Any]] = self._contents[name]
        return entries

    def items(self, name: str) -> dict[str, Any]:
        """Return a table as it is."""
        items: dict[str, Any] = self._contents[name]
        return items

    def pattern(self, name: str) -> str:
        """Return a regular expression that matches any one word of a list."""
        return f"(?:{'|'.join(self.words(name))})"

    def ending(self, name: str) -> re.Pattern[str]:
        """Return a pattern that finds a word of a list at the end of a text."""
        return re.compile(f"{self.pattern(name)}$")


@cache
def vocabulary(language: Language) -> Vocabulary:
    """Return the vocabulary of a language."""
    return Vocabulary(language)
