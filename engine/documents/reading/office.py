"""What docx, pptx and xlsx have in common: parts, links between them, properties."""

import posixpath
from dataclasses import dataclass

from engine.documents.failures import failure
from engine.documents.reading.archive import Archive, resolve
from engine.documents.reading.xml_walk import Attributes, walk


@dataclass(frozen=True, slots=True)
class Link:
    """A relationship of one part with another."""

    id: str
    kind: str
    """The last word of its type, such as "slide"."""
    target: str


def links_of(archive: Archive, part: str) -> list[Link]:
    """Return the links inside the archive that start from a part; "" is the archive itself."""
    folder, name = posixpath.split(part)
    relations = posixpath.join(folder, "_rels", f"{name}.rels")
    if relations not in archive:
        return []
    links = []

    def add(attributes: Attributes) -> None:
        if attributes.get("TargetMode") != "External":
            kind = attributes.get("Type", "").rpartition("/")[2]
            target = resolve(part, attributes.get("Target", ""))
            links.append(Link(attributes.get("Id", ""), kind, target))

    walk(archive.chunks(relations), {"Relationship": add})
    return links


def main_part(archive: Archive) -> str:
    """Return the part with the document itself, whose name is not always the usual one."""
    for link in links_of(archive, ""):
        if link.kind == "officeDocument" and link.target in archive:
            return link.target
    for usual in ("word/document.xml", "ppt/presentation.xml", "xl/workbook.xml"):
        if usual in archive:
            return usual
    raise failure("damaged")


def linked(archive: Archive, part: str, kind: str) -> str | None:
    """Return the first part that `part` is linked with in that way."""
    targets = (link.target for link in links_of(archive, part) if link.kind == kind)
    return next((target for target in targets if target in archive), None)


def title_of(archive: Archive) -> str:
    """Return the title in the document's properties, "" without one."""
    part = linked(archive, "", "core-properties")
    if part is None:
        return ""
    pieces: list[str] = []
    inside = False

    def toggle(_attributes: Attributes | None = None) -> None:
        nonlocal inside
        inside = not inside

    def text(data: str) -> None:
        if inside:
            pieces.append(data)

    walk(archive.chunks(part), {"title": toggle}, {"title": toggle}, text)
    return "".join(pieces).strip()
