"""Lines and texts that read like sentences, by their punctuation (after C4 and Gopher)."""

import re
from dataclasses import dataclass
from typing import ClassVar

from training.cleaning.normalise import tidy
from training.cleaning.records import Rewriter
from training.cleaning.sentences import is_ended

_ENDS = ".!?。！？…"
_BULLET = re.compile(r"[-*•·●○■◆▪►]")
_ELLIPSIS = ("...", "…")


@dataclass(kw_only=True)
class Punctuation(Rewriter):
    """Keeps the lines that end as sentences do, and refuses a text with too few of them.

    The rules are those of C4 (arXiv 1910.10683) and Gopher (arXiv 2112.11446), with the marks
    and lengths of Chinese beside the English ones.
    """

    name: ClassVar[str] = "punctuation"
    minimum_words: int = 5
    """Words of a line without Chinese."""
    minimum_characters: int = 8
    """Characters of any other line."""
    minimum_sentences: int = 3
    """Of the text, after lines were removed."""
    maximum_bullets: float = 0.9
    """Share of lines that begin with a bullet."""
    maximum_ellipses: float = 0.3
    """Share of lines that end with an ellipsis."""

    def clean(self, text: str) -> str | None:
        """Return the lines that are sentences, or None if they make no text."""
        lines = text.split("\n")
        kept = [line for line in lines if not line or self._is_sentence(line)]
        if len(kept) < len(lines):
            self.counts["lines"] += len(lines) - len(kept)
            text = tidy("\n".join(kept))
        if not (refusal := self._refusal(text, [line for line in kept if line])):
            return text
        self.counts[refusal] += 1
        return None

    def _is_sentence(self, line: str) -> bool:
        if not is_ended(line):
            return False
        if line.isascii():
            return line.count(" ") + 1 >= self.minimum_words
        return len(line) >= self.minimum_characters

    def _refusal(self, text: str, lines: list[str]) -> str:
        """Return why a text of these lines is refused, or ""."""
        bullets = sum(_BULLET.match(line) is not None for line in lines)
        ellipses = sum(line.endswith(_ELLIPSIS) for line in lines)
        if bullets > self.maximum_bullets * len(lines):
            return "bullets"
        if ellipses > self.maximum_ellipses * len(lines):
            return "ellipses"
        return "few sentences" if sum(map(text.count, _ENDS)) < self.minimum_sentences else ""
