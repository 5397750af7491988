"""The tables of a library, as numbered steps that are never changed again.

A document is a content: files that hold the same share it, so a renamed or copied file costs
nothing. What no file shows any more is out of sight at once and erased later, in small steps.
"""

import sqlite3

_TABLES = (
    """
    CREATE TABLE collections (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1))
    )
    """,
    # A folder or a single file that a person added. Paths are bytes: names have any encoding.
    """
    CREATE TABLE roots (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        collection_id INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
        path BLOB NOT NULL,
        device INTEGER,
        problem TEXT,
        UNIQUE (collection_id, path)
    )
    """,
    # `first_passage` and the ids after it are the document's passages, and so for the blocks.
    """
    CREATE TABLE documents (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        hash BLOB NOT NULL,
        complete INTEGER NOT NULL DEFAULT 0 CHECK (complete IN (0, 1)),
        kind TEXT NOT NULL,
        title TEXT NOT NULL,
        pages INTEGER NOT NULL,
        characters INTEGER NOT NULL,
        first_passage INTEGER,
        passages INTEGER NOT NULL DEFAULT 0,
        first_block INTEGER
    )
    """,
    "CREATE UNIQUE INDEX documents_by_hash ON documents (hash) WHERE complete",
    """
    CREATE TABLE files (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        root_id INTEGER NOT NULL REFERENCES roots (id) ON DELETE CASCADE,
        path BLOB NOT NULL,
        size INTEGER NOT NULL,
        modified INTEGER NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('waiting', 'indexing', 'indexed', 'failed')),
        attempts INTEGER NOT NULL DEFAULT 0,
        failure TEXT,
        document_id INTEGER REFERENCES documents (id),
        UNIQUE (root_id, path)
    )
    """,
    "CREATE INDEX files_by_status ON files (status, root_id)",
    "CREATE INDEX files_by_document ON files (document_id) WHERE document_id IS NOT NULL",
    # Pages lie one behind the other in the document's text; `start` is where each begins.
    """
    CREATE TABLE pages (
        document_id INTEGER NOT NULL REFERENCES documents (id),
        page_index INTEGER NOT NULL,
        number INTEGER,
        label TEXT NOT NULL,
        start INTEGER NOT NULL,
        characters INTEGER NOT NULL,
        PRIMARY KEY (document_id, page_index)
    ) WITHOUT ROWID
    """,
    # The text in compressed pieces of equal length, so that one passage is read without the rest.
    "CREATE TABLE blocks (id INTEGER PRIMARY KEY AUTOINCREMENT, text BLOB NOT NULL)",
    """
    CREATE TABLE sections (
        document_id INTEGER NOT NULL REFERENCES documents (id),
        number INTEGER NOT NULL,
        headings TEXT NOT NULL,
        PRIMARY KEY (document_id, number)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE passages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        document_id INTEGER NOT NULL REFERENCES documents (id),
        page_index INTEGER NOT NULL,
        section INTEGER NOT NULL,
        start INTEGER NOT NULL,
        "end" INTEGER NOT NULL
    )
    """,
    # The index holds no text and no places: which passages hold a word is all that is asked of it.
    # A passage is taken out by naming its words, so a changed engine/documents/words.py needs a
    # step that builds it anew from the blocks.
    """
    CREATE VIRTUAL TABLE passage_words USING fts5 (
        words, content = '', columnsize = 0, detail = none, tokenize = 'ascii'
    )
    """,
    "CREATE VIRTUAL TABLE word_counts USING fts5vocab (passage_words, row)",
    "CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
)


def _create_tables(connection: sqlite3.Connection) -> None:
    """Version 1."""
    for table in _TABLES:
        connection.execute(table)
    for setting, value in (("hashsize", 32 << 20), ("automerge", 8)):
        connection.execute(
            "INSERT INTO passage_words (passage_words, rank) VALUES (?, ?)", (setting, value)
        )


def _add_places_of_sections(connection: sqlite3.Connection) -> None:
    """Version 2: a section for each heading, with its place; NULL in documents read before."""
    for column in ("page_index", "start"):
        connection.execute(f"ALTER TABLE sections ADD COLUMN {column} INTEGER")


MIGRATIONS = (_create_tables, _add_places_of_sections)
