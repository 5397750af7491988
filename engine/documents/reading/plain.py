"""Text, tables of values and source code: the file as it stands, so that offsets are its own."""

import re

from engine.documents.document import Block, Document, Heading, Page
from engine.documents.failures import failure
from engine.documents.reading.encoding import decode
from engine.documents.reading.limits import MAX_CHARACTERS

_CHAPTER = re.compile(
    r"^[ \t\u3000]*(?:"
    r"(第[零〇一二三四五六七八九十百千两0-9０-９]{1,9}([章回节節卷部篇集])[^\n\r。！？]{0,40})"
    r"|((?:chapter|part|book)[ \t]+(?:[0-9]{1,4}|[ivxlc]{1,7})\b[^\n\r]{0,60})"
    r")[ \t\u3000]*$",
    re.IGNORECASE | re.MULTILINE,
)
_HIGHER = ("卷", "部", "篇", "集")


def checked(text: str) -> str:
    """Return the text. Raises DocumentError if it is blank or too long."""
    if len(text) > MAX_CHARACTERS:
        raise failure("too_large")
    if not text or text.isspace():
        raise failure("empty")
    return text


def read_text(data: bytes) -> Document:
    """Read plain text. Lines such as 第三章 or Chapter 3 are headings."""
    text = checked(decode(data))
    headings = []
    for match in _CHAPTER.finditer(text):
        title = " ".join(match[0].split())
        high = match[2] in _HIGHER or title.lower().startswith(("part", "book"))
        headings.append(Heading(0, match.start(), 1 if high else 2, title))
    return Document("text", "", (Page(None, text),), tuple(headings))


def read_csv(data: bytes) -> Document:
    """Read a table of values: a row is a line."""
    text = checked(decode(data))
    return Document("csv", "", (Page(None, text),), blocks=(Block(0, 0, len(text), "table"),))


def read_code(data: bytes) -> Document:
    """Read source code."""
    text = checked(decode(data))
    return Document("code", "", (Page(None, text),), blocks=(Block(0, 0, len(text), "code"),))
