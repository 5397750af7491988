"""What retrieval finds: pieces of documents that can be cited to the character."""

from dataclasses import dataclass
from pathlib import Path

from engine.documents.document import Section
from engine.errors import DocumentError


@dataclass(frozen=True, kw_only=True)
class RetrievedPassage:
    """A piece of one page of one document, as it stands there."""

    file: Path
    title: str
    """The document's title, or its file's name."""
    page_index: int
    """Which of the document's pages it is on, counted from 0."""
    page: int | None
    """The number of that page; None in documents without pages."""
    label: str
    """What the page is called there: "3", "iv", a sheet's or a chapter's name; "" without."""
    sections: tuple[Section, ...]
    """What it begins in, and what begins within it; "start" is counted as below."""
    start: int
    """Its first character, in code points of the page's text."""
    end: int
    """One after its last: `text` is the page's text from `start` to `end`."""
    text: str
    score: float
    """How well it fits the question: 0 nothing in common, 1 all that the question names."""

    def heading_path(self, position: int) -> tuple[str, ...]:
        """Return the headings above a place in the page's text, the highest first."""
        above = [section for section in self.sections if section.start <= position]
        return above[-1].heading_path if above else ()


@dataclass(frozen=True, kw_only=True)
class Retrieval:
    """What a library holds for a question."""

    question: str
    """As it was asked."""
    query: str
    """As it was searched: completed from the conversation where it leans on it."""
    passages: tuple[RetrievedPassage, ...]
    """The best first; of a whole document, in its own order."""
    answerable: bool
    """Whether anything fits well enough; if not, the passages are only the nearest."""
    whole_document: bool
    """The passages are one document from beginning to end."""
    seconds: float
    unread: tuple[DocumentError, ...] = ()
    """Why some of the files were not asked, each with its name; the rest was."""
