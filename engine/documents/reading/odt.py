"""OpenDocument: texts, spreadsheets with a page for each sheet, presentations for each slide."""

from engine.documents.document import Document
from engine.documents.failures import failure
from engine.documents.reading.archive import Archive
from engine.documents.reading.builder import DocumentBuilder
from engine.documents.reading.limits import MAX_CHARACTERS
from engine.documents.reading.xml_walk import Attributes, attribute, walk

_MANIFEST = "META-INF/manifest.xml"
_CONTENT = "content.xml"
_MAX_SPACES = 100
_MAX_REPEATS = 1_000
"""Of one cell or row; spreadsheets fill what is left of a sheet so."""
_SKIP = frozenset(
    {
        "tracked-changes",
        "annotation",
        "note-citation",
        "forms",
        "sequence-decls",
        "content-validations",
        "dde-links",
    }
)
_FURNITURE = ("page-number", "date-time", "footer", "header")
"""Frames that repeat on every slide."""
_VALUES = {
    "string": "string-value",
    "date": "date-value",
    "time": "time-value",
    "boolean": "boolean-value",
}
"""Where a cell of such a type has its value; numbers have it in "value"."""


def read_odt(archive: Archive) -> Document:
    """Read an OpenDocument file; the notes of a text stand at its end."""
    if _MANIFEST in archive and _is_encrypted(archive):
        raise failure("encrypted")
    builder = DocumentBuilder("odt")
    _Content(builder).read(archive)
    return builder.finish(_title(archive))


def _is_encrypted(archive: Archive) -> bool:
    found: list[Attributes] = []
    walk(archive.chunks(_MANIFEST), {"encryption-data": found.append})
    return bool(found)


def _title(archive: Archive) -> str:
    if "meta.xml" not in archive:
        return ""
    pieces: list[str] = []
    inside: list[bool] = []

    def text(data: str) -> None:
        if inside:
            pieces.append(data)

    walk(
        archive.chunks("meta.xml"),
        {"title": lambda _: inside.append(True)},
        {"title": inside.clear},
        text,
    )
    return "".join(pieces)


class _Content:
    """Takes paragraphs, headings, tables, notes and slides; paragraphs may hold others, in frames.

    A cell's paragraphs are what it shows, in the format and language of who wrote it.
    """

    def __init__(self, builder: DocumentBuilder) -> None:
        self._builder = builder
        self._paragraphs: list[tuple[list[str], int]] = []
        self._notes: list[str] = []
        self._in_notes = self._in_shapes = self._tables = self._pages = 0
        self._has_sheets = self._has_slides = self._is_cache = False
        self._frames: list[str] = []
        self._title: list[str] = []
        self._cell: list[str] = []
        self._cell_attributes: Attributes = {}
        self._cells: list[str] = []
        self._row_length = 0
        self._row_repeats = 1

    def read(self, archive: Archive) -> None:
        walk(
            archive.chunks(_CONTENT),
            {
                "spreadsheet": self._start_spreadsheet,
                "presentation": self._start_slides,
                "drawing": self._start_slides,
                "page": self._start_page,
                "frame": self._start_frame,
                "p": lambda _: self._paragraphs.append(([], 0)),
                "h": self._start_heading,
                "s": self._spaces,
                "tab": lambda _: self._text("\t"),
                "line-break": lambda _: self._text("\n"),
                "note-body": lambda _: self._note(1),
                "table": self._start_table,
                "shapes": lambda _: self._shapes(1),
                "table-row": self._start_row,
                "table-cell": self._start_cell,
                "image": self._picture,
            },
            {
                "frame": self._end_frame,
                "p": self._end_paragraph,
                "h": self._end_paragraph,
                "note-body": lambda: self._note(-1),
                "shapes": lambda: self._shapes(-1),
                "table-cell": self._end_cell,
                "covered-table-cell": self._end_covered_cell,
                "table-row": self._end_row,
                "table": self._end_table,
            },
            self._text,
            _SKIP,
        )
        for note in self._notes:
            self._builder.paragraph(note)

    def _start_spreadsheet(self, _: Attributes) -> None:
        self._has_sheets = True

    def _start_slides(self, _: Attributes) -> None:
        self._has_slides = True

    def _start_page(self, _: Attributes) -> None:
        if self._has_slides:
            self._pages += 1
            self._builder.start_page(self._pages)

    def _start_frame(self, attributes: Attributes) -> None:
        self._frames.append(attribute(attributes, "class"))
        # What a frame says of itself, such as a picture's description, belongs to no paragraph.
        self._paragraphs.append(([], 0))

    def _end_frame(self) -> None:
        self._frames.pop()
        self._paragraphs.pop()
        title = " ".join(" ".join(self._title).split())
        self._title = []
        if title:
            self._builder.label = self._builder.label or title
            self._builder.paragraph(title, level=1)

    def _start_heading(self, attributes: Attributes) -> None:
        level = attribute(attributes, "outline-level")
        self._paragraphs.append(([], int(level) if level.isdecimal() and level != "0" else 1))

    def _spaces(self, attributes: Attributes) -> None:
        count = attribute(attributes, "c")
        self._text(" " * min(int(count) if count.isdecimal() else 1, _MAX_SPACES))

    def _text(self, data: str) -> None:
        if self._paragraphs:
            self._paragraphs[-1][0].append(data)

    def _note(self, step: int) -> None:
        self._in_notes += step

    def _shapes(self, step: int) -> None:
        self._in_shapes += step

    def _picture(self, _: Attributes) -> None:
        self._builder.has_pictures = True

    def _end_paragraph(self) -> None:
        pieces, level = self._paragraphs.pop()
        text = "".join(pieces).replace("\u00ad", "")
        frame = self._frames[-1] if self._frames else ""
        if frame in _FURNITURE:
            return
        if self._in_notes:
            self._notes.append(text)
        elif self._tables and not self._in_shapes:
            self._cell.append(text)
        elif frame == "title":
            self._title.append(text)
        else:
            self._builder.paragraph(text, level)

    def _start_table(self, attributes: Attributes) -> None:
        if not self._tables:
            if self._has_sheets:
                name = attribute(attributes, "name")
                # Copies of other files' sheets are kept under an address; nobody sees them.
                self._is_cache = "'#$" in name
                if not self._is_cache:
                    self._pages += 1
                    self._builder.start_page(self._pages, name)
            self._builder.start_table()
        self._tables += 1

    def _start_row(self, attributes: Attributes) -> None:
        if self._tables == 1:
            self._row_repeats = _repeats(attributes, "number-rows-repeated")

    def _start_cell(self, attributes: Attributes) -> None:
        if self._tables == 1:
            self._cell_attributes = attributes

    def _end_cell(self) -> None:
        if self._tables == 1:
            text = " ".join(self._cell).strip() or _value(self._cell_attributes)
            self._cell = []
            if text:
                repeats = _repeats(self._cell_attributes, "number-columns-repeated")
                self._row_length += repeats * len(text)
                if self._row_length > MAX_CHARACTERS:
                    raise failure("too_large")
                self._cells += [text] * repeats

    def _end_covered_cell(self) -> None:
        """Another cell was stretched over it."""
        if self._tables == 1:
            self._cell = []

    def _end_row(self) -> None:
        if self._tables == 1:
            if self._cells and not self._is_cache:
                for _ in range(self._row_repeats):
                    self._builder.row(self._cells)
            self._cells = []
            self._row_length = 0

    def _end_table(self) -> None:
        self._tables -= 1
        if not self._tables:
            self._builder.end_table()


def _repeats(attributes: Attributes, name: str) -> int:
    count = attribute(attributes, name)
    return max(1, min(int(count), _MAX_REPEATS)) if count.isdecimal() else 1


def _value(attributes: Attributes) -> str:
    """Return the value of a cell whose writer left out what it shows."""
    return attribute(attributes, _VALUES.get(attribute(attributes, "value-type"), "value"))
