"""What documents say: written in portions, read passage by passage, erased in steps.

A document comes into sight when a file shows it, and that is after its last portion; what a
crash left half-written is erased as what no file shows.
"""

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.documents.document import Document, Passage, Section
from engine.documents.index_words import index_words
from engine.documents.library.library import Library
from engine.documents.library.texts import BLOCK_CHARACTERS, TextReader
from engine.documents.sections import section_numbers, sections

_PORTION_CHARACTERS = 150_000
"""How much goes into the index with one statement: more than the processor's cache holds at once
is slower, and less leaves more to be merged.
"""
_ROWS_AT_ONCE = 500
_MERGED_PAGES = 200


@dataclass(frozen=True, slots=True)
class Head:
    """All of a document but its passages, ready to be written."""

    hash: bytes
    kind: str
    title: str
    characters: int
    page_count: int
    pages: str
    """[[number, label, start, characters], …]"""
    sections: str
    """[[heading path as JSON, page_index, start], …]"""
    blocks: list[bytes]


@dataclass(frozen=True, slots=True)
class Portion:
    """Some passages, ready to be written: JSON lists, which SQLite reads itself.

    So a portion takes one statement for each table, and Python's other threads run meanwhile.
    """

    passages: str
    """[[page_index, section, start, end], …]"""
    words: str
    """What the index is given of each passage, without the brackets around."""
    count: int
    characters: int


def prepare(
    document: Document, content_hash: bytes, passages: Sequence[Passage]
) -> Iterator[Head | Portion]:
    """Yield a document's head, then its passages in portions."""
    parts = sections(document.headings)
    yield _head(document, content_hash, parts)
    numbers = section_numbers(parts, ((p.page_index, p.start) for p in passages))
    rows: list[tuple[int, int, int, int]] = []
    texts: list[str] = []
    characters = 0
    for passage, section in zip(passages, numbers, strict=True):
        text = document.pages[passage.page_index].text[passage.start : passage.end]
        rows.append((passage.page_index, section, passage.start, passage.end))
        texts.append(_indexed(document.title, passage.heading_path, text))
        characters += len(text)
        if characters > _PORTION_CHARACTERS:
            yield _portion(rows, texts, characters)
            rows, texts, characters = [], [], 0
    if rows:
        yield _portion(rows, texts, characters)


def document_with(library: Library, content_hash: bytes) -> int | None:
    """Return the whole document with this hash, if the library has it."""
    rows = library.database.execute(
        "SELECT id FROM documents WHERE hash = ? AND complete", (content_hash,)
    )
    return rows[0]["id"] if rows else None


def begin_document(library: Library, head: Head) -> int:
    """Write a document's head and return the document's id; no search finds it yet."""
    execute = library.database.execute
    with library.transaction():
        first_block = _next_id(library, "blocks")
        for start in range(0, len(head.blocks), _ROWS_AT_ONCE):
            blocks = head.blocks[start : start + _ROWS_AT_ONCE]
            values = ", ".join(["(?)"] * len(blocks))
            execute(f"INSERT INTO blocks (text) VALUES {values}", blocks)  # noqa: S608
        [row] = execute(
            "INSERT INTO documents (hash, kind, title, pages, characters, first_passage,"
            " first_block) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (
                head.hash,
                head.kind,
                head.title,
                head.page_count,
                head.characters,
                _next_id(library, "passages"),
                first_block,
            ),
        )
        document_id: int = row["id"]
        execute(
            "INSERT INTO pages SELECT ?, key, value ->> 0, value ->> 1, value ->> 2, value ->> 3"
            " FROM json_each(?)",
            (document_id, head.pages),
        )
        execute(
            "INSERT INTO sections (document_id, number, headings, page_index, start)"
            " SELECT ?, key, value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)",
            (document_id, head.sections),
        )
    return document_id


class PassageWriter:
    """Writes passages; their words go into the index together, of many small documents at once.

    With each statement that writes several rows, to whatever table, SQLite ends a piece of the
    index, and merging many small pieces costs much. Use it within one transaction, and `flush` it
    there.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._words: list[str] = []
        self._first = 0
        self._characters = 0

    def add(self, document_id: int, portion: Portion) -> None:
        """Write some passages of the document that was begun last."""
        execute = self._library.database.execute
        first = _next_id(self._library, "passages")
        end = first + portion.count
        execute(
            'INSERT INTO passages (id, document_id, page_index, section, start, "end")'
            " SELECT ? + key, ?, value ->> 0, value ->> 1, value ->> 2, value ->> 3"
            " FROM json_each(?)",
            (first, document_id, portion.passages),
        )
        execute(
            "UPDATE documents SET passages = ? - first_passage WHERE id = ?",
            (end, document_id),
        )
        if not self._words:
            self._first = first
        self._words.append(portion.words)
        self._characters += portion.characters
        if self._characters > _PORTION_CHARACTERS:
            self.flush()

    def flush(self) -> None:
        """Write the words of all that was added."""
        if self._words:
            self._library.database.execute(
                "INSERT INTO passage_words (rowid, words) SELECT ? + key, value FROM json_each(?)",
                (self._first, f"[{','.join(self._words)}]"),
            )
        self._words.clear()
        self._characters = 0


def end_document(library: Library, document_id: int, content_hash: bytes) -> int:
    """Return the document to be shown: the one that was written, or an equal older one."""
    with library.transaction():
        older = document_with(library, content_hash)
        if older is not None:
            return older
        library.database.execute("UPDATE documents SET complete = 1 WHERE id = ?", (document_id,))
    return document_id


def erase_some(library: Library) -> bool:
    """Erase some of what no file shows; return whether there may be more."""
    with library.transaction():
        rows = library.database.execute(
            "SELECT id, NOT EXISTS (SELECT 1 FROM files WHERE document_id IS NOT NULL) AS is_last"
            " FROM documents"
            " WHERE NOT EXISTS (SELECT 1 FROM files WHERE document_id = documents.id) LIMIT 1"
        )
        if not rows:
            return False
        if rows[0]["is_last"]:  # no file shows anything
            _erase_all(library)
        else:
            _erase_from(library, rows[0]["id"])
    return True


def merge_some(library: Library) -> bool:
    """Bring a little more of the index into one place; return whether there may be more."""
    count = "SELECT total_changes()"
    before = library.database.execute(count)[0][0]
    library.database.execute(
        "INSERT INTO passage_words (passage_words, rank) VALUES ('merge', ?)", (_MERGED_PAGES,)
    )
    changes: int = library.database.execute(count)[0][0] - before
    return changes >= 2


def _erase_all(library: Library) -> None:
    library.database.execute("INSERT INTO passage_words (passage_words) VALUES ('delete-all')")
    for table in ("passages", "sections", "pages", "blocks", "documents"):
        library.database.execute(f"DELETE FROM {table}")  # noqa: S608 (our own words)


def _erase_from(library: Library, document_id: int) -> None:
    """Erase the last passages of a document, or the rest of one that has none."""
    execute = library.database.execute
    execute("UPDATE documents SET complete = 0 WHERE id = ?", (document_id,))
    [document] = execute("SELECT * FROM documents WHERE id = ?", (document_id,))
    end = document["first_passage"] + document["passages"]
    first = max(document["first_passage"], end - _ROWS_AT_ONCE)
    passages = TextReader(library.database).passages(range(first, end))
    words = index_words(_indexed(document["title"], p.headings, p.text) for p in passages)
    ids = [passage.id for passage in passages]
    execute(
        "INSERT INTO passage_words (passage_words, rowid, words)"
        " SELECT 'delete', ids.value, texts.value FROM json_each(?) AS ids"
        " JOIN json_each(?) AS texts ON texts.key = ids.key",
        (_json(ids), _json(words)),
    )
    execute("DELETE FROM passages WHERE id >= ? AND id < ?", (first, end))
    execute("UPDATE documents SET passages = ? - first_passage WHERE id = ?", (first, document_id))
    if first == document["first_passage"]:
        last_block = document["first_block"] + -(-document["characters"] // BLOCK_CHARACTERS)
        execute(
            "DELETE FROM blocks WHERE id >= ? AND id < ?", (document["first_block"], last_block)
        )
        for table in ("sections", "pages"):
            execute(f"DELETE FROM {table} WHERE document_id = ?", (document_id,))  # noqa: S608
        execute("DELETE FROM documents WHERE id = ?", (document_id,))


def _indexed(title: str, headings: Sequence[str], text: str) -> str:
    """Return what a passage is found by."""
    return "\n".join((title, *headings, text))


def _portion(rows: list[tuple[int, int, int, int]], texts: list[str], characters: int) -> Portion:
    words = json.dumps(index_words(texts), ensure_ascii=False)
    return Portion(_json(rows), words[1:-1], len(rows), characters)


def _head(document: Document, content_hash: bytes, parts: list[Section]) -> Head:
    pages, total = [], 0
    for page in document.pages:
        pages.append((page.number, page.label, total, len(page.text)))
        total += len(page.text)
    text = "".join(page.text for page in document.pages)
    return Head(
        hash=content_hash,
        kind=document.kind,
        title=_storable(document.title),
        characters=total,
        page_count=len(pages),
        pages=_json(pages),
        sections=_json([(_json(part.heading_path), part.page_index, part.start) for part in parts]),
        blocks=[
            zlib.compress(
                text[start : start + BLOCK_CHARACTERS].encode("utf-8", "replace"), level=1
            )
            for start in range(0, total, BLOCK_CHARACTERS)
        ],
    )


def _next_id(library: Library, table: str) -> int:
    rows = library.database.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,))
    return rows[0]["seq"] + 1 if rows else 1


def _json(value: object) -> str:
    return _storable(json.dumps(value, ensure_ascii=False))


def _storable(text: str) -> str:
    """Return `text` with question marks for halves of characters, which UTF-8 cannot say."""
    return text.encode("utf-8", "replace").decode()
