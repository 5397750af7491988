"""Passages with their text, out of the compressed blocks of a library."""

import json
import zlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from engine.database import Database
from engine.documents.document import Section
from engine.documents.sections import sections_between

BLOCK_CHARACTERS = 4096
_KEPT_BLOCKS = 512


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage as the library holds it."""

    id: int
    document_id: int
    page_index: int
    headings: tuple[str, ...]
    start: int
    end: int
    text: str


class TextReader:
    """Reads passages and keeps the blocks used last. Blocks never change, but may be erased."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._blocks: OrderedDict[int, str] = OrderedDict()

    def passages(self, ids: Iterable[int]) -> list[StoredPassage]:
        """Return passages by id, those left out that are not there any more."""
        rows = self._database.execute(
            "SELECT passages.id, passages.document_id, pages.page_index, headings, passages.start,"
            ' "end", pages.start AS page_start, first_block'
            " FROM json_each(?) AS wanted JOIN passages ON passages.id = wanted.value"
            " JOIN pages USING (document_id, page_index)"
            " JOIN sections ON sections.document_id = passages.document_id"
            " AND sections.number = section"
            " JOIN documents ON documents.id = passages.document_id ORDER BY wanted.key",
            (json.dumps(list(ids)),),
        )
        self._load(
            block
            for row in rows
            for block in _blocks(
                row["first_block"], row["page_start"] + row["start"], row["end"] - row["start"]
            )
        )
        return [
            StoredPassage(
                id=row["id"],
                document_id=row["document_id"],
                page_index=row["page_index"],
                headings=tuple(json.loads(row["headings"])),
                start=row["start"],
                end=row["end"],
                text=self._text(
                    row["first_block"], row["page_start"] + row["start"], row["end"] - row["start"]
                ),
            )
            for row in rows
        ]

    def sections(
        self, document_id: int, page_index: int, start: int, end: int
    ) -> tuple[Section, ...]:
        """Return what a part of a page begins in and what begins there.

        Nothing where the document was read by a version that kept no places of headings.
        """
        rows = self._database.execute(
            "SELECT page_index, start, headings FROM sections WHERE document_id = ?1"
            " AND (page_index, start) < (?2, ?4) AND number >= ("
            " SELECT max(number) FROM sections WHERE document_id = ?1"
            " AND (page_index, start) <= (?2, ?3)) ORDER BY number",
            (document_id, page_index, start, end),
        )
        found = [Section(row[0], row[1], tuple(json.loads(row[2]))) for row in rows]
        return sections_between(found, page_index, start, end) if found else ()

    def page_text(self, document_id: int, page_index: int, start: int, end: int) -> str:
        """Return characters of one page; fewer if it is shorter, "" if it is gone."""
        rows = self._database.execute(
            "SELECT pages.start, pages.characters, first_block FROM pages JOIN documents"
            " ON documents.id = document_id WHERE document_id = ? AND page_index = ?",
            (document_id, page_index),
        )
        if not rows:
            return ""
        length = max(0, min(end, rows[0]["characters"]) - start)
        first = rows[0]["start"] + start
        self._load(_blocks(rows[0]["first_block"], first, length))
        return self._text(rows[0]["first_block"], first, length)

    def _text(self, first_block: int, start: int, length: int) -> str:
        blocks = _blocks(first_block, start, length)
        text = "".join(self._blocks.get(block, "") for block in blocks)
        begin = start % BLOCK_CHARACTERS
        return text[begin : begin + length]

    def _load(self, blocks: Iterable[int]) -> None:
        wanted = dict.fromkeys(blocks)
        for block in wanted:
            if block in self._blocks:
                self._blocks.move_to_end(block)
        missing = [block for block in wanted if block not in self._blocks]
        rows = self._database.execute(
            "SELECT blocks.id, text FROM json_each(?) AS wanted"
            " JOIN blocks ON blocks.id = wanted.value",
            (json.dumps(missing),),
        )
        for row in rows:
            self._blocks[row["id"]] = zlib.decompress(row["text"]).decode()
        while len(self._blocks) > max(_KEPT_BLOCKS, len(wanted)):
            self._blocks.popitem(last=False)


def _blocks(first_block: int, start: int, length: int) -> range:
    """Return which blocks hold `length` characters from `start` of a document."""
    if length <= 0:
        return range(0)
    return range(
        first_block + start // BLOCK_CHARACTERS,
        first_block + (start + length - 1) // BLOCK_CHARACTERS + 1,
    )
