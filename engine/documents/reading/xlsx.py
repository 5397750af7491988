"""Workbooks: a page for each sheet, a line for each row, tabs between its cells."""

import re

from engine.documents.document import Document
from engine.documents.failures import failure
from engine.documents.reading.archive import Archive
from engine.documents.reading.builder import DocumentBuilder
from engine.documents.reading.limits import MAX_CHARACTERS
from engine.documents.reading.office import linked, links_of, main_part, title_of
from engine.documents.reading.xlsx_numbers import NumberFormats
from engine.documents.reading.xml_walk import Attributes, walk

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
"""How a workbook writes what XML cannot hold, such as a carriage return."""


def read_xlsx(archive: Archive) -> Document:
    """Read a workbook: texts, numbers and dates as they are shown, results of formulas."""
    part = main_part(archive)
    builder = DocumentBuilder("xlsx")
    strings = _shared_strings(archive, part)
    formats = NumberFormats(archive, part)
    targets = {link.id: link.target for link in links_of(archive, part)}
    for number, (name, link) in enumerate(_sheets(archive, part), 1):
        builder.start_page(number, name)
        target = targets.get(link, "")
        if target in archive:
            _Sheet(builder, strings, formats).read(archive, target)
    return builder.finish(title_of(archive))


def _sheets(archive: Archive, part: str) -> list[tuple[str, str]]:
    """Return names and links of the sheets, in the order of their tabs."""
    sheets: list[tuple[str, str]] = []

    def add(attributes: Attributes) -> None:
        link = next((v for k, v in attributes.items() if k.endswith(" id")), "")
        sheets.append((attributes.get("name", ""), link))

    walk(archive.chunks(part), {"sheet": add})
    return sheets


def _shared_strings(archive: Archive, part: str) -> list[str]:
    found = linked(archive, part, "sharedStrings")
    strings: list[str] = []
    pieces: list[str] = []
    inside = [False]
    total = [0]

    def text(data: str) -> None:
        if inside[0]:
            pieces.append(data)
            total[0] += len(data)
            if total[0] > MAX_CHARACTERS:
                raise failure("too_large")

    def end_item() -> None:
        strings.append(_unescaped("".join(pieces)))
        pieces.clear()

    if found is not None:
        walk(
            archive.chunks(found),
            {"t": lambda _: inside.__setitem__(0, True)},
            {"t": lambda: inside.__setitem__(0, False), "si": end_item},
            text,
            ("rPh",),  # how to pronounce it
        )
    return strings


def _unescaped(text: str) -> str:
    if "_x" not in text:
        return text
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text).replace("\r", "")


class _Sheet:
    """Takes the rows of one sheet."""

    def __init__(
        self, builder: DocumentBuilder, strings: list[str], formats: NumberFormats
    ) -> None:
        self._builder = builder
        self._strings = strings
        self._formats = formats
        self._cells: list[str] = []
        self._pieces: list[str] = []
        self._type = self._style = ""
        self._in_value = False

    def read(self, archive: Archive, part: str) -> None:
        self._builder.start_table()
        walk(
            archive.chunks(part),
            {"c": self._start_cell, "v": self._start_value, "t": self._start_value},
            {
                "v": self._end_value,
                "t": self._end_value,
                "c": self._end_cell,
                "row": self._end_row,
            },
            self._text,
            ("f", "rPh", "extLst", "cols"),
        )
        self._builder.end_table()

    def _start_cell(self, attributes: Attributes) -> None:
        self._type = attributes.get("t", "n")
        self._style = attributes.get("s", "")
        self._pieces = []

    def _start_value(self, _: Attributes) -> None:
        self._in_value = True

    def _end_value(self) -> None:
        self._in_value = False

    def _text(self, data: str) -> None:
        if self._in_value:
            self._pieces.append(data)

    def _end_cell(self) -> None:
        value = "".join(self._pieces)
        if value:
            self._cells.append(self._shown(value))
        self._pieces = []

    def _shown(self, value: str) -> str:
        match self._type:
            case "s":
                number = int(value) if value.strip().isdecimal() else -1
                return self._strings[number] if 0 <= number < len(self._strings) else ""
            case "n":
                return self._formats.shown(value, self._style)
            case "b":
                return "TRUE" if value.strip() == "1" else "FALSE"
            case "e":
                return ""
        return _unescaped(value)

    def _end_row(self) -> None:
        self._builder.row(self._cells)
        self._cells = []
