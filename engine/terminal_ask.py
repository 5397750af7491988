"""`geb ask`: a question about files and folders, answered in the terminal."""

import hashlib
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from engine.bundle import default_bundle_path, open_bundle
from engine.document_prompt import cite
from engine.documents.answering.answer import Answer, answer_question
from engine.documents.answering.sources import place_of
from engine.documents.indexing.indexer import Indexer
from engine.documents.indexing.lock import IndexerLock
from engine.documents.indexing.scanning import scan_root
from engine.documents.library import queue
from engine.documents.library.library import Library, set_aside_damaged_library
from engine.documents.library.types import FileStatus, Progress
from engine.documents.passages import Retrieval
from engine.documents.sandbox import DocumentReader
from engine.documents.search.retrieval import Retriever
from engine.errors import DocumentError, GebError, GenerationError, StoreError
from engine.i18n import tr
from engine.model import Model
from engine.paths import cache_dir
from engine.terminal_text import json_for_terminal, notice, printable, say

_KEPT_LIBRARIES = 8
_SHOWN_FAILURES = 10
_PROGRESS_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the documents hold for a question."""

    retrieval: Retrieval
    index_seconds: float
    files: int
    """How many were read or known already."""
    failures: list[FileStatus]
    """Those that cannot be read."""


def search_paths(paths: Sequence[Path], question: str, limit: int = 5) -> Asked:
    """Read files and folders, as far as they are new, and search them for a question.

    What was read is kept for the next question about the same paths. Progress and files that
    cannot be read are told on stderr. Raises DocumentError for a path that is not there, and where
    nothing can be read; StoreError if nothing can be kept.
    """
    for path in paths:
        if not path.exists():
            raise DocumentError("There is no file or folder {path}.", path=path, code="unreadable")
    begun = monotonic()
    folder = cache_dir() / "asked"
    library_path = folder / f"{_fingerprint(paths)}.sqlite3"
    set_aside_damaged_library(library_path)
    with Library(library_path) as library:
        _forget_oldest(folder, library_path)
        if not library.collections():
            library.add_collection("", paths)
        _index(library)
        [collection] = library.collections()
        progress = library.progress(collection.id)
        failures = library.files(collection.id, status="failed")
        _tell_failures(failures)
        if not progress.indexed:
            raise _nothing_read(paths, progress)
        seconds = monotonic() - begun
        retrieval = Retriever(library).retrieve(question, limit=limit)
    return Asked(
        retrieval=retrieval, index_seconds=seconds, files=progress.indexed, failures=failures
    )


def _index(library: Library) -> None:
    with closing(IndexerLock(library.path)) as lock:
        if not lock.take():
            raise StoreError(
                "Another `geb ask` is reading the same documents. Wait for it, then ask again."
            )
        queue.recover(library)
        for root in library.collections()[0].roots:
            scan_root(library, root.id, root.path)
        with closing(DocumentReader()) as reader, closing(_ProgressLine(library)) as line:
            indexer = Indexer(library.path, reader, line.show)
            while indexer.run():
                pass  # a file over which its reader died is read again


class _ProgressLine:
    """One line on a terminal that says how far reading has come; nothing elsewhere."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._shown_at = monotonic()
        self._is_shown = False

    def show(self) -> None:
        if not sys.stderr.isatty() or monotonic() - self._shown_at < _PROGRESS_SECONDS:
            return
        self._shown_at, self._is_shown = monotonic(), True
        progress = self._library.progress(self._library.collections()[0].id)
        line = tr(
            "Reading: {done} of {total} files",
            done=progress.total - progress.waiting,
            total=progress.total,
        )
        print(f"\r{printable(line)}\x1b[K", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._is_shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _tell_failures(failed: Sequence[FileStatus]) -> None:
    for file in failed[:_SHOWN_FAILURES]:
        notice(f"{file.path}: {file.failure}")
    if len(failed) > _SHOWN_FAILURES:
        notice(tr("{number} more files cannot be read.", number=len(failed) - _SHOWN_FAILURES))


def _nothing_read(paths: Sequence[Path], progress: Progress) -> DocumentError:
    if progress.failed:
        return DocumentError("None of these documents can be read.", code="unreadable")
    names = ", ".join(map(str, paths))
    return DocumentError("There are no documents in {paths}.", code="unreadable", paths=names)


def _fingerprint(paths: Sequence[Path]) -> str:
    """Return a name for what is known of these paths."""
    absolute = sorted({os.fsencode(os.path.abspath(path)) for path in paths})  # noqa: PTH100
    return hashlib.sha256(b"\0".join(absolute)).hexdigest()[:32]


def _forget_oldest(folder: Path, used: Path) -> None:
    """Keep the libraries used last."""
    used.touch()
    libraries = sorted(folder.glob("*.sqlite3"), key=_age, reverse=True)
    for path in libraries[_KEPT_LIBRARIES:]:
        for suffix in ("-wal", "-shm", "-indexer", "-turn", ""):
            path.with_name(path.name + suffix).unlink(missing_ok=True)


def _age(path: Path) -> float:
    return path.stat().st_mtime


def ask(paths: Sequence[Path], question: str, *, model: Path | None, as_json: bool) -> int:
    """Answer a question from files and folders on stdout; return 0 if the documents were asked.

    With `as_json` one object is printed if there was anything to ask.
    """
    try:
        if not question.strip():
            raise GenerationError("Type a question first.")
        asked = search_paths(paths, question)
        answer = _answer(asked.retrieval, model)
    except GebError as error:
        notice(error)
        return 1
    if as_json:
        say(_as_json(asked, answer))
    else:
        say(answer.text)
        for citation in answer.sources.citations:
            sentence = " ".join(citation.text.split())  # the lines are those of the document
            place = place_of(citation.passage, citation.start)
            say(f"{cite(citation.number)} {place}: {sentence}")
    return 0


def _answer(retrieval: Retrieval, model_path: Path | None) -> Answer:
    bundle = open_bundle(model_path or default_bundle_path())
    with closing(Model(bundle)) as model:
        return answer_question(retrieval, model, bundle)


def _as_json(asked: Asked, answer: Answer) -> str:
    passages = [
        {
            "file": str(passage.file),
            "page": passage.page,
            "text": passage.text,
            "score": round(passage.score, 4),
        }
        for passage in asked.retrieval.passages
    ]
    failures = [{"file": str(file.path), "reason": str(file.failure)} for file in asked.failures]
    read = {
        "files": asked.files,
        "failures": failures,
        "index_seconds": round(asked.index_seconds, 4),
        "retrieve_seconds": round(asked.retrieval.seconds, 4),
    }
    return json_for_terminal({**answer.to_json(), "passages": passages, **read})
