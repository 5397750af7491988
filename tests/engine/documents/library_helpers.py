"""A reader without a process, and short ways to ask a library, for its tests."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

from engine.documents.document import Document, Page
from engine.documents.indexing.indexer import Indexer
from engine.documents.indexing.scanning import scan_root
from engine.documents.library.library import Library
from engine.documents.search.retrieval import Retriever
from engine.errors import DocumentError


class TextReader:
    """Reads text in UTF-8; pages are divided by form feeds, "BAD" cannot be read."""

    def __init__(self) -> None:
        self.read_files: list[Path] = []

    def read(self, path: Path) -> Document:
        self.read_files.append(path)
        text = path.read_text(encoding="utf-8")
        if text.startswith("BAD"):
            raise DocumentError("The file is damaged or incomplete.", code="damaged")
        pages = text.split("\f")
        number = len(pages) > 1
        return Document(
            kind="text",
            title="",
            pages=tuple(Page(n if number else None, page) for n, page in enumerate(pages, 1)),
        )

    def cancel(self) -> None:
        """It is never long."""


def scan(library: Library) -> None:
    """Look through all folders."""
    for collection in library.collections():
        for root in collection.roots:
            scan_root(library, root.id, root.path)


def index(library: Library, reader: TextReader | None = None) -> list[Path]:
    """Bring a library up to date; return which files were read."""
    reader = reader or TextReader()
    scan(library)
    Indexer(library.path, reader).run()
    return sorted(reader.read_files)


def found(library: Library, question: str, **options: object) -> list[str]:
    """Return the names of the files that a search finds, the best first."""
    retrieval = Retriever(library).retrieve(question, **options)  # type: ignore[arg-type]
    return [passage.file.name for passage in retrieval.passages]


def wait_until(
    condition: Callable[[], bool], state: Callable[[], object] = str, seconds: float = 60.0
) -> None:
    """Wait for a condition; if it does not come true, fail with the `state` of things."""
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, state()
        sleep(0.02)
