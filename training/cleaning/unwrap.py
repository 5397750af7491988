"""Lines that were broken at a fixed width are joined to paragraphs again."""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from training.cleaning.records import Rewriter
from training.cleaning.sentences import columns, is_ended, join

_ITEM = re.compile(r"\s|[-*•·●○■◆–—>|#+]\s?|\(?\d{1,3}[.)、）]|[（(][一二三四五六七八九十\d]+[)）]")
"""How a line begins that is not the middle of a paragraph: indented, or an item of a list."""
_HYPHEN = re.compile(r"[a-z]-\Z")


@dataclass(kw_only=True)
class Unwrap(Rewriter):
    """Joins hard-wrapped lines, Chinese without a blank and a hyphen'd word without the hyphen.

    A text counts as hard-wrapped if most lines that another one follows are of nearly one width;
    verse, where most lines end as sentences do, does not.
    """

    name: ClassVar[str] = "unwrap"
    narrowest: int = 30
    """Columns; narrower columns of text are taken for lists or verse."""
    widest: int = 100
    """Columns; text with longer lines was not wrapped."""
    full: float = 0.75
    """A line this much as wide as the widest was broken by its width."""
    share: float = 0.7
    """So many of the lines must be full."""

    def clean(self, text: str) -> str:
        """Return the text with one line per paragraph where it was hard-wrapped."""
        while (joined := self._unwrap(text)) != text:
            self.counts["texts"] += 1
            text = joined
        return text

    def _unwrap(self, text: str) -> str:
        lines = text.split("\n")
        # Most text has long lines, and characters are counted faster than columns.
        if len(lines) < 4 or max(map(len, lines)) > self.widest:
            return text
        inner = [line for line, after in pairwise(lines) if line and after]
        widths = [columns(line) for line in inner]
        if len(inner) < 3 or not self.narrowest <= max(widths) <= self.widest:
            return text
        full = self.full * max(widths)
        if sum(width >= full for width in widths) < self.share * len(inner):
            return text
        if sum(map(is_ended, inner)) >= self.share * len(inner):
            return text
        return _join_full(lines, full)


def _join_full(lines: list[str], full: float) -> str:
    joined = [lines[0]]
    for before, line in pairwise(lines):
        if not before or not line or columns(before) < full or _ITEM.match(line):
            joined.append(line)
        elif _HYPHEN.search(before) and line[0].islower():
            joined[-1] = joined[-1][:-1] + line
        else:
            joined[-1] = join(joined[-1].rstrip(), line)
    return "\n".join(joined)
