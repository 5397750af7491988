"""Sentences and paragraphs that stand twice in a row."""

from dataclasses import dataclass
from operator import eq
from typing import ClassVar

from training.cleaning.records import Rewriter
from training.cleaning.sentences import SENTENCE


@dataclass(kw_only=True)
class Repeats(Rewriter):
    """Keeps one of neighbouring equal sentences, and of neighbouring equal paragraphs."""

    name: ClassVar[str] = "repeats"
    shortest: int = 24
    """UTF-8 bytes (8 Chinese characters); shorter ones ("Not that one!") may repeat."""

    def clean(self, text: str) -> str:
        """Return the text without its repeats."""
        kept: list[str] = []
        last = ""
        for line in text.split("\n"):
            line = self._without_repeats(line)
            if line and line == last and self._is_long(line):
                self.counts["paragraphs"] += 1
                if kept and not kept[-1]:  # the blank line between the two
                    kept.pop()
                continue
            kept.append(line)
            last = line or last
        return "\n".join(kept)

    def _without_repeats(self, line: str) -> str:
        if 3 * len(line) < 2 * self.shortest:
            return line
        sentences = SENTENCE.findall(line)
        if not any(map(eq, sentences, sentences[1:])):
            return line
        kept, end, last = "", 0, ""
        for match in SENTENCE.finditer(line):
            if match[0] == last and self._is_long(last):
                self.counts["sentences"] += 1
            else:
                kept += line[end : match.end()]
            end, last = match.end(), match[0]
        return kept + line[end:]

    def _is_long(self, piece: str) -> bool:
        return len(piece.encode("utf-8", "surrogatepass")) >= self.shortest
