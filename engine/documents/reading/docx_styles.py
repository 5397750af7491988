"""Which of a Word document's styles are headings."""

import re
from dataclasses import dataclass

from engine.documents.reading.archive import Archive
from engine.documents.reading.office import linked
from engine.documents.reading.xml_walk import Attributes, attribute, walk

_NAME = re.compile(r"(?:heading|标题|標題)\s*([1-9])", re.IGNORECASE)
_MAX_CHAIN = 20


@dataclass(slots=True)
class _Style:
    level: int = 0
    based_on: str = ""


def heading_levels(archive: Archive, part: str) -> dict[str, int]:
    """Return the level of every style that is a heading, from 1, by the style's id."""
    styles: dict[str, _Style] = {}
    current = _Style()

    def start(attributes: Attributes) -> None:
        nonlocal current
        current = _Style()
        if attribute(attributes, "type") in ("", "paragraph"):
            styles[attribute(attributes, "styleId")] = current

    def name(attributes: Attributes) -> None:
        value = attribute(attributes, "val").strip()
        if match := _NAME.fullmatch(value):
            current.level = int(match[1])
        elif value.lower() in ("title", "标题", "標題"):
            current.level = 1

    def based_on(attributes: Attributes) -> None:
        current.based_on = attribute(attributes, "val")

    def outline(attributes: Attributes) -> None:
        value = attribute(attributes, "val")
        if value.isdecimal() and int(value) < 9:
            current.level = current.level or int(value) + 1

    found = linked(archive, part, "styles")
    if found is None:
        return {}
    handlers = {"style": start, "name": name, "basedOn": based_on, "outlineLvl": outline}
    walk(archive.chunks(found), handlers, skip=("rPr", "latentStyles", "docDefaults"))
    levels = {style: _level(style, styles) for style in styles}
    return {style: level for style, level in levels.items() if level}


def _level(name: str, styles: dict[str, _Style]) -> int:
    """Follow what a style is based on, which may go round in a circle."""
    for _ in range(_MAX_CHAIN):
        style = styles.get(name)
        if style is None or style.level:
            return style.level if style else 0
        name = style.based_on
    return 0
