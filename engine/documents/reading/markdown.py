"""Markdown as it is written, without its comments: offsets are those of the file otherwise.

Only what matters for dividing a text is recognised, line by line. markdown-it-py, which the
window uses, needs three times as long for the blocks alone.
"""

import re
from collections.abc import Iterator

from engine.documents.document import Block, Document, Heading, Page
from engine.documents.reading.comments import without_comments
from engine.documents.reading.encoding import decode
from engine.documents.reading.plain import checked

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))??(?:[ \t]+#+)?[ \t]*$")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})([^`]*)$")
_RULE = re.compile(r" {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_TITLE = re.compile(r"title\s*:\s*[\"']?(.*?)[\"']?\s*$", re.IGNORECASE)
_MARKS = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|[*`]+")
"""Links, emphasis and code: what a heading is shown without."""
_NO_TITLE = (">", "-", "*", "+", "|", "#", "    ", "\t")
"""Lines that no underline makes a heading."""


def read_markdown(data: bytes) -> Document:
    """Read Markdown. The title is that of the front matter, else the first heading of level 1."""
    text = checked(without_comments(decode(data)))
    scanner = _Scanner(text)
    scanner.scan()
    first = next((heading.text for heading in scanner.headings if heading.level == 1), "")
    return Document(
        kind="markdown",
        title=scanner.title or first,
        pages=(Page(None, text),),
        headings=tuple(scanner.headings),
        blocks=tuple(scanner.blocks),
    )


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """Yield where each line starts, and the line without its end."""
    for match in _LINE.finditer(text):
        if match.end() > match.start():
            yield match.start(), match[0].rstrip("\r\n")


class _Scanner:
    """Finds headings, code and tables."""

    def __init__(self, text: str) -> None:
        self.title = ""
        self.headings: list[Heading] = []
        self.blocks: list[Block] = []
        self._lines = list(lines_of(text))
        self._end = len(text)

    def scan(self) -> None:
        """Go through the lines once."""
        number = self._front_matter()
        while number < len(self._lines):
            start, line = self._lines[number]
            if (fence := _FENCE.match(line)) is not None:
                number = self._code(number, fence[1])
            elif (heading := _ATX.match(line)) is not None:
                self._heading(start, len(heading[1]), heading[2] or "")
                number += 1
            elif self._is_underlined(number):
                level = 1 if "=" in self._lines[number + 1][1] else 2
                self._heading(start, level, line)
                number += 2
            elif self._is_table(number):
                number = self._table(number)
            else:
                number += 1

    def _front_matter(self) -> int:
        """Take the title out of the front matter; return the number of the line after it."""
        if self._lines and self._lines[0][1] == "---":
            for number, (_, line) in enumerate(self._lines[1:200], 1):
                if line in ("---", "..."):
                    return number + 1
                if (title := _TITLE.match(line)) is not None:
                    self.title = title[1]
            self.title = ""
        return 0

    def _heading(self, start: int, level: int, text: str) -> None:
        text = " ".join(_MARKS.sub(r"\1", text).split())
        if text:
            self.headings.append(Heading(0, start, level, text))

    def _code(self, number: int, fence: str) -> int:
        start = self._lines[number][0]
        closing = re.compile(rf" {{0,3}}{re.escape(fence[0])}{{{len(fence)},}}[ \t]*$")
        number += 1
        while number < len(self._lines) and not closing.match(self._lines[number][1]):
            number += 1
        self._block(start, number + 1, "code")
        return number + 1

    def _is_underlined(self, number: int) -> bool:
        line = self._lines[number][1]
        if not line.strip() or line.startswith(_NO_TITLE) or number + 1 >= len(self._lines):
            return False
        # Only a paragraph's single line is taken for a heading, as people write them.
        alone = number == 0 or not self._lines[number - 1][1].strip()
        return alone and _SETEXT.match(self._lines[number + 1][1]) is not None

    def _is_table(self, number: int) -> bool:
        if number + 1 >= len(self._lines) or "|" not in self._lines[number][1]:
            return False
        rule = self._lines[number + 1][1]
        return "|" in rule and _RULE.match(rule) is not None

    def _table(self, number: int) -> int:
        start = self._lines[number][0]
        while number < len(self._lines) and "|" in self._lines[number][1]:
            number += 1
        self._block(start, number, "table")
        return number

    def _block(self, start: int, number: int, kind: str) -> None:
        """Add a block that ends before a line."""
        end = self._lines[number][0] if number < len(self._lines) else self._end
        self.blocks.append(Block(0, start, end, "code" if kind == "code" else "table"))
