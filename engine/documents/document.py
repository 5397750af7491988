"""What a file says, with positions."""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "pdf",
    "docx",
    "pptx",
    "xlsx",
    "odt",
    "epub",
    "html",
    "markdown",
    "rst",
    "text",
    "csv",
    "code",
]


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of text that is cited by itself. Offsets into `text` are code points."""

    number: int | None
    """Counted from 1: page, slide, sheet or chapter. None where the format has no such thing."""
    text: str
    """Formats without pages have one Page with the whole decoded or extracted text."""
    label: str = ""
    """The title of the chapter or slide, or the name of the sheet."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading that stands in the text of a page."""

    page_index: int
    start: int
    level: int
    """1 (the highest) to 6."""
    text: str
    """Without marks and line breaks; `pages[page_index].text` may have it otherwise at `start`."""


@dataclass(frozen=True, slots=True)
class Section:
    """Where a part of a document begins, and the headings that it stands under."""

    page_index: int
    start: int
    """In code points of the page's text."""
    heading_path: tuple[str, ...]
    """The highest first."""


@dataclass(frozen=True, slots=True)
class Block:
    """A table or a piece of code, which is better not divided."""

    page_index: int
    start: int
    end: int
    kind: Literal["table", "code"]


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a page: `pages[page_index].text[start:end]`, never blank."""

    page_index: int
    start: int
    end: int
    heading_path: tuple[str, ...] = ()
    """The headings that it stands under, the highest first."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read. Headings and blocks stand in the order of the text."""

    kind: Kind
    title: str
    """What the file itself says that it is called, "" if it does not."""
    pages: tuple[Page, ...]
    headings: tuple[Heading, ...] = ()
    blocks: tuple[Block, ...] = ()
    passages: tuple[Passage, ...] | None = field(default=None, compare=False)
    """What `splitting.split` returns, if whoever read the file has divided it as well."""
