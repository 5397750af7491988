"""OpenDocument texts."""

from engine.documents.document import Document
from engine.documents.failures import failure
from engine.documents.reading.archive import Archive
from engine.documents.reading.builder import DocumentBuilder
from engine.documents.reading.xml_walk import Attributes, attribute, walk

_MANIFEST = "META-INF/manifest.xml"
_CONTENT = "content.xml"
_MAX_SPACES = 100
_SKIP = frozenset({"tracked-changes", "annotation", "note-citation", "forms", "sequence-decls"})


def read_odt(archive: Archive) -> Document:
    """Read an OpenDocument text; notes stand at its end."""
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
    """Takes paragraphs, headings, tables and notes; paragraphs may hold others, in frames."""

    def __init__(self, builder: DocumentBuilder) -> None:
        self._builder = builder
        self._paragraphs: list[tuple[list[str], int]] = []
        self._notes: list[str] = []
        self._in_notes = self._tables = 0
        self._cell: list[str] = []
        self._cells: list[str] = []

    def read(self, archive: Archive) -> None:
        walk(
            archive.chunks(_CONTENT),
            {
                "p": lambda _: self._paragraphs.append(([], 0)),
                "h": self._start_heading,
                "s": self._spaces,
                "tab": lambda _: self._text("\t"),
                "line-break": lambda _: self._text("\n"),
                "note-body": lambda _: self._note(1),
                "table": self._start_table,
                "image": self._picture,
            },
            {
                "p": self._end_paragraph,
                "h": self._end_paragraph,
                "note-body": lambda: self._note(-1),
                "table-cell": self._end_cell,
                "table-row": self._end_row,
                "table": self._end_table,
            },
            self._text,
            _SKIP,
        )
        for note in self._notes:
            self._builder.paragraph(note)

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

    def _picture(self, _: Attributes) -> None:
        self._builder.has_pictures = True

    def _end_paragraph(self) -> None:
        pieces, level = self._paragraphs.pop()
        text = "".join(pieces).replace("\u00ad", "")
        if self._in_notes:
            self._notes.append(text)
        elif self._tables:
            self._cell.append(text)
        else:
            self._builder.paragraph(text, level)

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
