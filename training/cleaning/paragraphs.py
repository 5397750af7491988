"""Paragraphs of one sentence each are joined to real ones."""

import re
from dataclasses import dataclass
from typing import ClassVar

from training.cleaning.records import Rewriter
from training.cleaning.sentences import is_one_sentence, join

_APART = re.compile(
    r"[\"'“‘「『—–\-*•·●○■◆>|#+\d(（【\[《]|[^\s：:]{1,8}\s?[：:]|第.{1,8}[条條章节節款]|[一二三四五六七八九十]+、"
)
"""How speech, items of lists, articles of laws and labelled lines (译文：) begin."""


@dataclass(kw_only=True)
class Paragraphs(Rewriter):
    """Joins neighbouring single sentences where a text mostly has a paragraph for each.

    Speech, lists, laws, labelled lines and titles stay as they are.
    """

    name: ClassVar[str] = "paragraphs"
    share: float = 0.5
    """Only texts in which at least so many of the paragraphs are single sentences."""
    target: int = 300
    """Characters after which a joined paragraph ends."""

    def clean(self, text: str) -> str:
        """Return the text with its single sentences joined."""
        lines = text.split("\n")
        single = [bool(line) and not _APART.match(line) and is_one_sentence(line) for line in lines]
        if sum(single) < 2 or sum(single) < self.share * sum(map(bool, lines)):
            return text
        joined: list[str] = []
        growing = False
        """Whether the last line that is not empty takes another sentence."""
        for line, is_single in zip(lines, single, strict=True):
            if growing and is_single:
                while not joined[-1]:
                    joined.pop()
                joined[-1] = join(joined[-1], line)
                self.counts["joined"] += 1
            else:
                joined.append(line)
            if line:
                growing = is_single and len(joined[-1]) < self.target
        return "\n".join(joined)
