"""How a document crosses from the process that read it: as JSON, which holds nothing but data."""

import json
from typing import Any, cast, get_args

from engine.documents.document import Block, Document, Heading, Kind, Page


def to_json(document: Document) -> bytes:
    """Return a document as JSON in UTF-8, a character that it cannot hold as a question mark."""
    content = {
        "kind": document.kind,
        "title": document.title,
        "pages": [[page.number, page.text, page.label] for page in document.pages],
        "headings": [[h.page_index, h.start, h.level, h.text] for h in document.headings],
        "blocks": [[b.page_index, b.start, b.end, b.kind] for b in document.blocks],
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
        document = Document(kind, content["title"], pages, headings, blocks)
    except (KeyError, TypeError) as error:
        raise ValueError("not a document") from error
    if not _is_sound(document):
        raise ValueError("not a document")
    return document


def _is_sound(document: Document) -> bool:
    return (
        document.kind in get_args(Kind)
        and isinstance(document.title, str)
        and all(_is_page(page) for page in document.pages)
        and all(
            _is_place(document, h.page_index, h.start, h.start)
            and _is_count(h.level)
            and isinstance(h.text, str)
            for h in document.headings
        )
        and all(
            _is_place(document, b.page_index, b.start, b.end) and b.kind in ("table", "code")
            for b in document.blocks
        )
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
