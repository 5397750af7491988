"""How a document crosses from the process that read it: as JSON, which holds nothing but data."""

import base64
import json
import zlib
from dataclasses import replace
from itertools import pairwise
from typing import Any, cast, get_args

from engine.documents.document import Block, Document, Heading, Kind, Page
from engine.documents.picture import MAX_PIXELS, Box, PagePicture
from engine.documents.splitting import Place, most_passages, split, under_headings


def to_json(document: Document) -> bytes:
    """Return a document, and where its passages are, as JSON in UTF-8.

    A character that this cannot hold becomes a question mark.
    """
    content = {
        "kind": document.kind,
        "title": document.title,
        "pages": [[page.number, page.text, page.label] for page in document.pages],
        "headings": [[h.page_index, h.start, h.level, h.text] for h in document.headings],
        "blocks": [[b.page_index, b.start, b.end, b.kind] for b in document.blocks],
        "passages": [[p.page_index, p.start, p.end] for p in split(document)],
    }
    return json.dumps({"document": content}, ensure_ascii=False).encode("utf-8", "replace")


def from_json(content: Any) -> Document:
    """Return the document of `to_json`. Raises ValueError for anything else.

    Whoever wrote it may have been taken over by the file that it read: every position is tested.
    """
    try:
        kind: Kind = content["kind"]
        pages = tuple(Page(*page) for page in content["pages"])
        headings = tuple(Heading(*heading) for heading in content["headings"])
        blocks = tuple(Block(*block) for block in content["blocks"])
        places = [(index, start, end) for index, start, end in content["passages"]]
        document = Document(kind, content["title"], pages, headings, blocks)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("not a document") from error
    if not (_is_sound(document) and _are_passages(document, places)):
        raise ValueError("not a document")
    # Their headings need not be believed: they follow from the places.
    return replace(document, passages=tuple(under_headings(places, headings)))


def picture_to_json(picture: PagePicture) -> bytes:
    """Return the picture of a page as JSON."""
    pixels = base64.b64encode(zlib.compress(picture.pixels, 1)).decode()
    boxes = [[box.x, box.y, box.width, box.height] for box in picture.boxes]
    content = {"size": [picture.width, picture.height], "pixels": pixels, "boxes": boxes}
    return json.dumps({"picture": content}).encode()


def picture_from_json(content: Any) -> PagePicture:
    """Return the picture of `picture_to_json`. Raises ValueError for anything else."""
    try:
        width, height = map(int, content["size"])
        boxes = tuple(Box(*map(float, box)) for box in content["boxes"])
        packed = base64.b64decode(content["pixels"], validate=True)
    except (KeyError, TypeError) as error:
        raise ValueError("not a picture") from error
    if not (width > 0 and height > 0 and width * height <= 2 * MAX_PIXELS):
        raise ValueError("not a picture")
    size = width * height * 4
    unpacking = zlib.decompressobj()
    try:
        pixels = unpacking.decompress(packed, size)
    except zlib.error as error:
        raise ValueError("not a picture") from error
    if len(pixels) != size:
        raise ValueError("not a picture")
    return PagePicture(width, height, pixels, boxes)


def _is_sound(document: Document) -> bool:
    return (
        document.kind in get_args(Kind)
        and isinstance(document.title, str)
        and all(_is_page(page) for page in document.pages)
        and all(
            _is_place(document, h.page_index, h.start, h.start)
            and _is_count(h.level)
            and 1 <= h.level <= 6
            and isinstance(h.text, str)
            for h in document.headings
        )
        and all(
            _is_place(document, b.page_index, b.start, b.end) and b.kind in ("table", "code")
            for b in document.blocks
        )
    )


def _are_passages(document: Document, places: list[Place]) -> bool:
    """Return whether passages might be there; bad ones cost no more than good ones."""
    return (
        len(places) <= most_passages(document.pages)
        and all(_is_place(document, *place) and place[1] < place[2] for place in places)
        and all(before[:2] < after[:2] for before, after in pairwise(places))
        and sum(end - start for _, start, end in places)
        <= 2 * sum(len(page.text) for page in document.pages)
    )


def _is_page(page: Page) -> bool:
    numbered = page.number is None or _is_count(page.number)
    return numbered and isinstance(page.text, str) and isinstance(page.label, str)


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_place(document: Document, page_index: object, start: object, end: object) -> bool:
    if not (_is_count(page_index) and _is_count(start) and _is_count(end)):
        return False
    index, first, last = cast("tuple[int, int, int]", (page_index, start, end))
    return index < len(document.pages) and first <= last <= len(document.pages[index].text)
