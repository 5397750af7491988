"""Electronic books: a page for each chapter, in reading order."""

from engine.documents.document import Document
from engine.documents.failures import failure
from engine.documents.reading.archive import Archive, resolve
from engine.documents.reading.builder import DocumentBuilder
from engine.documents.reading.encoding import decode
from engine.documents.reading.html import declared_encoding, write_html
from engine.documents.reading.limits import MAX_TEXT_BYTES
from engine.documents.reading.xml_walk import Attributes, walk

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_HTML_TYPES = ("application/xhtml+xml", "text/html", "application/xml")


def read_epub(archive: Archive) -> Document:
    """Read a book. Chapters are numbered as they follow each other, empty ones too."""
    package = _package_part(archive)
    title, chapters = _chapters(archive, package)
    locked = _encrypted_parts(archive)
    builder = DocumentBuilder("epub")
    for number, chapter in enumerate(chapters, 1):
        if chapter in locked:
            raise failure("encrypted")
        builder.start_page(number)
        if chapter in archive:
            data = archive.read(chapter, MAX_TEXT_BYTES)
            if data.strip():
                first = builder.heading_count
                own_title = write_html(decode(data, declared_encoding(data)), builder)
                builder.label = builder.heading_text(first) or own_title
    return builder.finish(title)


def _package_part(archive: Archive) -> str:
    found: list[str] = []
    walk(
        archive.chunks(_CONTAINER),
        {"rootfile": lambda attributes: found.append(attributes.get("full-path", ""))},
    )
    for part in found:
        if part in archive:
            return part
    raise failure("damaged")


def _chapters(archive: Archive, package: str) -> tuple[str, list[str]]:
    """Return the book's title and the parts of its spine."""
    manifest: dict[str, str] = {}
    spine: list[str] = []
    title: list[str] = []
    inside: list[bool] = []

    def item(attributes: Attributes) -> None:
        if attributes.get("media-type", "") in _HTML_TYPES:
            manifest[attributes.get("id", "")] = resolve(package, attributes.get("href", ""))

    def text(data: str) -> None:
        if inside:
            title.append(data)

    walk(
        archive.chunks(package),
        {
            "item": item,
            "itemref": lambda attributes: spine.append(attributes.get("idref", "")),
            "title": lambda _: None if title else inside.append(True),
        },
        {"title": inside.clear},
        text,
    )
    chapters = [manifest[part] for part in spine if part in manifest]
    return "".join(title), list(dict.fromkeys(chapters))


def _encrypted_parts(archive: Archive) -> set[str]:
    """Return the parts that are locked; fonts may be, and do not matter."""
    parts: set[str] = set()
    if _ENCRYPTION in archive:
        walk(
            archive.chunks(_ENCRYPTION),
            {"CipherReference": lambda a: parts.add(resolve("", a.get("URI", "")))},
        )
    return parts
