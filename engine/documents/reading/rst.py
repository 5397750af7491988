"""reStructuredText as it is written: offsets are those of the file."""

import re

from engine.documents.document import Block, Document, Heading, Page
from engine.documents.reading.encoding import decode
from engine.documents.reading.markdown import lines_of
from engine.documents.reading.plain import checked

_ADORNMENT = re.compile(r"([!-/:-@\[-`{-~])\1{2,}\s*$")
_CODE = re.compile(r"\s*\.\. (?:code|code-block|sourcecode|literalinclude|parsed-literal)::")
_TABLE = re.compile(r"\s*(?:\+[-=+]+\+|=+(?:\s+=+)+)\s*$")


def read_rst(data: bytes) -> Document:
    """Read reStructuredText; kinds of underlines are levels in the order of their first use."""
    text = checked(decode(data))
    lines = list(lines_of(text))
    headings = _headings(lines)
    return Document(
        kind="rst",
        title=headings[0].text if headings else "",
        pages=(Page(None, text),),
        headings=tuple(headings),
        blocks=tuple(_blocks(lines, len(text))),
    )


def _headings(lines: list[tuple[int, str]]) -> list[Heading]:
    levels: dict[str, int] = {}
    headings: list[Heading] = []
    for number in range(1, len(lines)):
        if style := _style(lines, number):
            start, title = lines[number - 1]
            level = levels.setdefault(style, len(levels) + 1)
            headings.append(Heading(0, start, min(level, 6), " ".join(title.split())))
    return headings


def _style(lines: list[tuple[int, str]], number: int) -> str:
    """Return how line `number` makes a heading of the one above it; "" if it does not."""
    rule, title = lines[number][1].rstrip(), lines[number - 1][1].rstrip()
    above = lines[number - 2][1].rstrip() if number >= 2 else ""
    if not _ADORNMENT.match(rule) or not title or _ADORNMENT.match(title):
        return ""
    if len(rule) < len(title):
        return ""
    if above == rule:
        return rule[0] * 2
    # Otherwise it is a line of a paragraph, or of a quotation.
    return "" if above or title[0].isspace() else rule[0]


def _blocks(lines: list[tuple[int, str]], end: int) -> list[Block]:
    """Find indented code and tables."""
    blocks: list[Block] = []
    number = 0
    while number < len(lines):
        start, line = lines[number]
        if _CODE.match(line) or (
            line.rstrip().endswith("::") and not line.lstrip().startswith("..")
        ):
            last = _end_of_indented(lines, number)
            kind = "code"
        elif _TABLE.match(line):
            last = number
            while last + 1 < len(lines) and lines[last + 1][1].strip():
                last += 1
            kind = "table"
        else:
            number += 1
            continue
        if last > number:
            stop = lines[last + 1][0] if last + 1 < len(lines) else end
            blocks.append(Block(0, start, stop, "code" if kind == "code" else "table"))
        number = last + 1
    return blocks


def _end_of_indented(lines: list[tuple[int, str]], number: int) -> int:
    """Return the last line that is indented deeper than line `number`."""
    indentation = len(lines[number][1]) - len(lines[number][1].lstrip())
    last = number
    for after in range(number + 1, len(lines)):
        line = lines[after][1]
        if line.strip():
            if len(line) - len(line.lstrip()) <= indentation:
                break
            last = after
    return last
