"""How a workbook shows its numbers: dates are numbers too, and so are shares of a hundred."""

import re
from datetime import datetime, timedelta

from engine.documents.reading.archive import Archive
from engine.documents.reading.office import linked
from engine.documents.reading.xml_walk import Attributes, walk

_DATES = frozenset((*range(14, 18), 22, *range(27, 32), 36, *range(50, 59)))
_TIMES = frozenset((18, 19, 20, 21, *range(32, 36), 45, 46, 47))
_PERCENT = frozenset((9, 10))
"""Numbers of the formats that every workbook has without naming them."""
_LITERAL = re.compile(r'"[^"]*"|\\.|\[(?!h|m|s)[^\]]*\]|_.|\*.', re.IGNORECASE)
_LAST_DAY = 2_958_466
"""The first of January 10000."""


class NumberFormats:
    """Knows the styles of one workbook."""

    def __init__(self, archive: Archive, part: str) -> None:
        self._kinds: list[str] = []
        self._from_1904 = False
        self._read_epoch(archive, part)
        if styles := linked(archive, part, "styles"):
            self._read_styles(archive, styles)

    def shown(self, value: str, style: str) -> str:
        """Return a number as a person sees it in a cell with this style."""
        try:
            number = float(value)
        except ValueError:
            return value
        index = int(style) if style.isdecimal() else 0
        kind = self._kinds[index] if index < len(self._kinds) else ""
        if kind in ("date", "time") and 0 <= number < _LAST_DAY:
            return self._date(number, kind)
        if kind == "percent":
            return f"{number * 100:.10g}%"
        return f"{number:.15g}" if abs(number) < 1e15 else value

    def _date(self, number: float, kind: str) -> str:
        # Excel believes that there was a 29 February 1900; nobody's dates lie before it.
        epoch = datetime(1904, 1, 1) if self._from_1904 else datetime(1899, 12, 30)
        moment = epoch + timedelta(seconds=round(number * 86_400))
        if kind == "time" and number < 1:
            return moment.strftime("%H:%M:%S").removesuffix(":00")
        date = f"{moment:%m-%d}"
        clock = f"{moment:%H:%M:%S}".removesuffix(":00")
        return f"{moment.year:04}-{date}" + (f" {clock}" if number % 1 else "")

    def _read_epoch(self, archive: Archive, part: str) -> None:
        def properties(attributes: Attributes) -> None:
            self._from_1904 = attributes.get("date1904", "0") in ("1", "true")

        walk(archive.chunks(part), {"workbookPr": properties})

    def _read_styles(self, archive: Archive, part: str) -> None:
        custom: dict[str, str] = {}
        inside = [False]

        def formats(attributes: Attributes) -> None:
            custom[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")

        def cell(attributes: Attributes) -> None:
            if inside[0]:
                number = attributes.get("numFmtId", "0")
                self._kinds.append(_kind(number, custom.get(number)))

        walk(
            archive.chunks(part),
            {
                "numFmt": formats,
                "cellXfs": lambda _: inside.__setitem__(0, True),
                "xf": cell,
            },
            {"cellXfs": lambda: inside.__setitem__(0, False)},
            skip=("dxfs",),
        )


def _kind(number: str, code: str | None) -> str:
    """Return "date", "time", "percent" or "" for a format."""
    if code is None:
        value = int(number) if number.isdecimal() else 0
        for kind, numbers in (("date", _DATES), ("time", _TIMES), ("percent", _PERCENT)):
            if value in numbers:
                return kind
        return ""
    bare = _LITERAL.sub("", code.partition(";")[0]).lower()
    if "%" in bare:
        return "percent"
    if "general" in bare or not any(letter in bare for letter in "ymdhs"):
        return ""
    return "date" if "y" in bare or "d" in bare else "time"
