"""Presentations: a page for each slide, with its speaker notes."""

from engine.documents.document import Document
from engine.documents.reading.archive import Archive
from engine.documents.reading.builder import DocumentBuilder
from engine.documents.reading.office import linked, links_of, main_part, title_of
from engine.documents.reading.xml_walk import Attributes, attribute, walk

_TITLES = ("title", "ctrTitle")
_FURNITURE = ("sldNum", "dt", "ftr", "hdr", "sldImg")
"""Placeholders that repeat on every slide."""


def read_pptx(archive: Archive) -> Document:
    """Read a presentation in the order in which it is shown."""
    part = main_part(archive)
    builder = DocumentBuilder("pptx")
    targets = {link.id: link.target for link in links_of(archive, part)}
    numbered = enumerate(_slide_ids(archive, part), 1)
    for number, slide in ((number, targets.get(found, "")) for number, found in numbered):
        builder.start_page(number)
        if slide in archive:
            _Slide(builder).read(archive, slide)
            if notes := linked(archive, slide, "notesSlide"):
                _Slide(builder, with_titles=False).read(archive, notes)
    return builder.finish(title_of(archive))


def _slide_ids(archive: Archive, part: str) -> list[str]:
    ids: list[str] = []
    # `id` without namespace is a number; the link is the one in the namespace of relationships.
    walk(
        archive.chunks(part),
        {"sldId": lambda a: ids.extend(v for k, v in a.items() if k.endswith(" id"))},
    )
    return ids


class _Slide:
    """Takes the text of a slide's shapes and tables, and its title as a heading."""

    def __init__(self, builder: DocumentBuilder, *, with_titles: bool = True) -> None:
        self._builder = builder
        self._with_titles = with_titles
        self._placeholder = ""
        self._pieces: list[str] = []
        self._title: list[str] = []
        self._cell: list[str] = []
        self._cells: list[str] = []
        self._in_text = self._in_table = False

    def read(self, archive: Archive, part: str) -> None:
        walk(
            archive.chunks(part),
            {
                "sp": self._start_shape,
                "ph": self._set_placeholder,
                "p": lambda _: self._pieces.clear(),
                "t": self._start_text,
                "br": lambda _: self._pieces.append("\n"),
                "tbl": self._start_table,
                "pic": self._picture,
            },
            {
                "sp": self._end_shape,
                "t": self._end_text,
                "p": self._end_paragraph,
                "tc": self._end_cell,
                "tr": self._end_row,
                "tbl": self._end_table,
            },
            self._text,
            ("Fallback",),
        )

    def _start_shape(self, _: Attributes) -> None:
        self._placeholder = ""
        self._title = []

    def _set_placeholder(self, attributes: Attributes) -> None:
        self._placeholder = attribute(attributes, "type")

    def _start_text(self, _: Attributes) -> None:
        self._in_text = True

    def _end_text(self) -> None:
        self._in_text = False

    def _text(self, data: str) -> None:
        if self._in_text:
            self._pieces.append(data)

    def _picture(self, _: Attributes) -> None:
        self._builder.has_pictures = True

    def _end_paragraph(self) -> None:
        text = "".join(self._pieces)
        self._pieces = []
        if self._in_table:
            self._cell.append(text)
        elif self._placeholder in _TITLES and self._with_titles:
            self._title.append(text)
        elif self._placeholder not in _FURNITURE:
            self._builder.paragraph(text)

    def _end_shape(self) -> None:
        title = " ".join(" ".join(self._title).split())
        if title:
            self._builder.label = self._builder.label or title
            self._builder.paragraph(title, level=1)
        self._title = []

    def _start_table(self, _: Attributes) -> None:
        self._in_table = True
        self._builder.start_table()

    def _end_cell(self) -> None:
        self._cells.append(" ".join(self._cell))
        self._cell = []

    def _end_row(self) -> None:
        self._builder.row(self._cells)
        self._cells = []

    def _end_table(self) -> None:
        self._in_table = False
        self._builder.end_table()
