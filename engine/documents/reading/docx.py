"""Word documents: paragraphs, tables, notes; what was deleted with tracking stays deleted."""

from engine.documents.document import Document
from engine.documents.reading.archive import Archive
from engine.documents.reading.builder import DocumentBuilder
from engine.documents.reading.docx_styles import heading_levels
from engine.documents.reading.office import linked, main_part, title_of
from engine.documents.reading.xml_walk import Attributes, attribute, walk

_SKIP = frozenset(
    {
        "Fallback",  # the same once more for old programs
        "moveFrom",
        "tabs",  # tab stops, not tabs
        "rPr",
        "sectPr",
        "pPrChange",
        "tblPr",
        "tcPr",
        "trPr",
    }
)
_NOTES = ("footnotes", "endnotes")


def read_docx(archive: Archive) -> Document:
    """Read a Word document; it has no pages, which only the printing makes."""
    part = main_part(archive)
    builder = DocumentBuilder("docx")
    levels = heading_levels(archive, part)
    _Body(builder, levels).read(archive, part)
    for kind in _NOTES:
        if notes := linked(archive, part, kind):
            _Body(builder, levels).read(archive, notes)
    return builder.finish(title_of(archive))


class _Body:
    """Takes the text of one part. A paragraph may hold others, in a text box."""

    def __init__(self, builder: DocumentBuilder, levels: dict[str, int]) -> None:
        self._builder = builder
        self._levels = levels
        self._paragraphs: list[list[str]] = []
        self._level = 0
        self._in_text = False
        self._tables = 0
        self._cells: list[str] = []
        self._cell: list[str] = []

    def read(self, archive: Archive, part: str) -> None:
        walk(
            archive.chunks(part),
            {
                "p": self._start_paragraph,
                "pStyle": self._style,
                "outlineLvl": self._outline,
                "t": self._start_text,
                "tab": lambda _: self._add("\t"),
                "br": lambda _: self._add("\n"),
                "cr": lambda _: self._add("\n"),
                "noBreakHyphen": lambda _: self._add("-"),
                "tbl": self._start_table,
                "drawing": self._picture,
                "pict": self._picture,
            },
            {
                "p": self._end_paragraph,
                "t": self._end_text,
                "tc": self._end_cell,
                "tr": self._end_row,
                "tbl": self._end_table,
            },
            self._text,
            _SKIP,
        )

    def _start_paragraph(self, _: Attributes) -> None:
        self._paragraphs.append([])
        self._level = 0

    def _style(self, attributes: Attributes) -> None:
        self._level = self._level or self._levels.get(attribute(attributes, "val"), 0)

    def _outline(self, attributes: Attributes) -> None:
        value = attribute(attributes, "val")
        if value.isdecimal() and int(value) < 9:  # 9 is the text itself
            self._level = int(value) + 1

    def _start_text(self, _: Attributes) -> None:
        self._in_text = True

    def _end_text(self) -> None:
        self._in_text = False

    def _text(self, data: str) -> None:
        if self._in_text:
            self._add(data)

    def _add(self, text: str) -> None:
        if self._paragraphs:
            self._paragraphs[-1].append(text)

    def _picture(self, _: Attributes) -> None:
        self._builder.has_pictures = True

    def _end_paragraph(self) -> None:
        text = "".join(self._paragraphs.pop()).replace("\u00ad", "")
        if self._tables:
            self._cell.append(text)
        else:
            self._builder.paragraph(text, self._level)
        self._level = 0

    def _start_table(self, _: Attributes) -> None:
        if not self._tables:
            self._builder.start_table()
        self._tables += 1

    def _end_cell(self) -> None:
        if self._tables == 1:
            self._cells.append(" ".join(self._cell))
            self._cell = []

    def _end_row(self) -> None:
        if self._tables == 1:
            self._builder.row(self._cells)
            self._cells = []

    def _end_table(self) -> None:
        self._tables -= 1
        if not self._tables:
            self._builder.end_table()
