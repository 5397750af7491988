"""Puts a document together, paragraph by paragraph, and keeps count of the positions."""

from engine.documents.document import Block, Document, Heading, Kind, Page
from engine.documents.failures import failure
from engine.documents.reading.limits import MAX_CHARACTERS, MAX_PAGES


class DocumentBuilder:
    """Paragraphs are divided by a blank line, lines of a list or table by a line break."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._pages: list[Page] = []
        self._headings: list[Heading] = []
        self._blocks: list[Block] = []
        self._parts: list[str] = []
        self._length = self._total = 0
        self._number: int | None = None
        self._label = ""
        self._table: int | None = None
        self.has_pictures = False
        """Whether a reader met a picture, for the reason why there is no text."""

    def start_page(self, number: int | None = None, label: str = "") -> None:
        """Begin a page; what was written before the first one is on a page without number."""
        if self._parts or self._number is not None:
            self._end_page()
        self._number, self._label = number, label

    @property
    def label(self) -> str:
        """The label of the page that is being written."""
        return self._label

    @label.setter
    def label(self, label: str) -> None:
        self._label = label

    @property
    def heading_count(self) -> int:
        """How many headings there are so far."""
        return len(self._headings)

    def heading_text(self, number: int) -> str:
        """Return the text of a heading, counted from 0; "" if there is none."""
        return self._headings[number].text if number < len(self._headings) else ""

    def paragraph(self, text: str, level: int = 0) -> None:
        """Add a paragraph, or a heading of a level from 1 to 6. Blank ones are left out."""
        text = text.strip()
        if not text:
            return
        start = self._write("\n\n", text)
        if level:
            title = " ".join(text.split())
            self._headings.append(Heading(len(self._pages), start, min(level, 6), title))

    def line(self, text: str) -> None:
        """Add a line below the one before, such as an item of a list."""
        text = text.strip()
        if text:
            self._write("\n", text)

    def start_table(self) -> None:
        """Keep the rows that follow together."""
        self._table = None

    def row(self, cells: list[str]) -> None:
        """Add a row of a table; empty cells are left out."""
        text = "\t".join(cell for cell in (" ".join(cell.split()) for cell in cells) if cell)
        if text:
            start = self._write("\n\n" if self._table is None else "\n", text)
            if self._table is None:
                self._table = start

    def end_table(self) -> None:
        """End the table; what follows is a paragraph of its own."""
        if self._table is not None:
            self._blocks.append(Block(len(self._pages), self._table, self._length, "table"))
        self._table = None

    def code(self, text: str) -> None:
        """Add text as it stands, with its indentation."""
        text = text.strip("\r\n").rstrip()
        if text.strip():
            start = self._write("\n\n", text)
            self._blocks.append(Block(len(self._pages), start, self._length, "code"))

    def finish(self, title: str) -> Document:
        """Return the document. Raises DocumentError if there is no text in it."""
        if self._parts or self._number is not None or not self._pages:
            self._end_page()
        if not self._total:
            raise failure("no_text" if self.has_pictures else "empty")
        return Document(
            kind=self._kind,
            title=" ".join(title.split()),
            pages=tuple(self._pages),
            headings=tuple(self._headings),
            blocks=tuple(self._blocks),
        )

    def _write(self, gap: str, text: str) -> int:
        """Add text after a gap and return where it starts."""
        if self._parts:
            self._parts.append(gap)
            self._length += len(gap)
        start = self._length
        self._parts.append(text)
        self._length += len(text)
        self._total += len(text)
        if self._total > MAX_CHARACTERS:
            raise failure("too_large")
        return start

    def _end_page(self) -> None:
        self.end_table()
        self._pages.append(Page(self._number, "".join(self._parts), self._label))
        if len(self._pages) > MAX_PAGES:
            raise failure("too_large")
        self._parts, self._length = [], 0
