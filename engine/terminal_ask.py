"""`geb ask`: a question about files and folders, answered in the terminal."""

import hashlib
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from engine.bundle import default_bundle_path
from engine.document_prompt import PromptLanguage, ask_about_passages, cite, join_numbered
from engine.documents.indexing.indexer import Indexer
from engine.documents.indexing.lock import IndexerLock
from engine.documents.indexing.scanning import scan_root
from engine.documents.library import queue
from engine.documents.library.library import Library, set_aside_damaged_library
from engine.documents.passages import Retrieval, RetrievedPassage
from engine.documents.sandbox import DocumentReader
from engine.documents.search.retrieval import Retriever
from engine.errors import DocumentError, GebError, GenerationError, StoreError
from engine.events import Cancelled, Done, Failed, Token
from engine.i18n import tr
from engine.paths import cache_dir
from engine.search_text import is_unspaced
from engine.terminal_inbox import Inbox, wait_for_model
from engine.terminal_text import json_for_terminal, notice, printable, say
from engine.worker import EngineWorker

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


def search_paths(paths: Sequence[Path], question: str, limit: int = 5) -> Asked:
    """Read files and folders, as far as they are new, and search them for a question.

    What was read is kept for the next question about the same paths. Progress and files that
    cannot be read are told on stderr. Raises DocumentError for a path that is not there,
    StoreError if nothing can be kept.
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
        _tell_failures(library, collection.id)
        seconds = monotonic() - begun
        retrieval = Retriever(library).retrieve(question, limit=limit)
    return Asked(retrieval=retrieval, index_seconds=seconds, files=progress.indexed)


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
            Indexer(library.path, reader, line.show).run()


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


def _tell_failures(library: Library, collection_id: int) -> None:
    failed = library.files(collection_id, status="failed")
    for file in failed[:_SHOWN_FAILURES]:
        notice(f"{file.path}: {file.failure}")
    if len(failed) > _SHOWN_FAILURES:
        notice(tr("{number} more files cannot be read.", number=len(failed) - _SHOWN_FAILURES))


def _fingerprint(paths: Sequence[Path]) -> str:
    """Return a name for what is known of these paths."""
    absolute = sorted({os.fsencode(os.path.abspath(path)) for path in paths})  # noqa: PTH100
    return hashlib.sha256(b"\0".join(absolute)).hexdigest()[:32]


def _forget_oldest(folder: Path, used: Path) -> None:
    """Keep the libraries used last."""
    used.touch()
    libraries = sorted(folder.glob("*.sqlite3"), key=_age, reverse=True)
    for path in libraries[_KEPT_LIBRARIES:]:
        for suffix in ("-wal", "-shm", "-indexer", ""):
            path.with_name(path.name + suffix).unlink(missing_ok=True)


def _age(path: Path) -> float:
    return path.stat().st_mtime


def ask(paths: Sequence[Path], question: str, *, model: Path | None, as_json: bool) -> int:
    """Answer a question from files and folders on stdout; return 0 if it was answered.

    With `as_json` one object is printed, whatever happens.
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
        for place, passage in enumerate(answer.citations, 1):
            say(f"{cite(place)} {_where(passage)}")
    return 0


@dataclass(frozen=True, kw_only=True)
class _Answer:
    text: str
    answerable: bool
    citations: tuple[RetrievedPassage, ...]
    seconds: float
    model: str


def _answer(retrieval: Retrieval, model: Path | None) -> _Answer:
    """Let the model answer from the passages that its context holds."""
    begun = monotonic()
    if not retrieval.answerable:
        text = tr("Your documents do not say this.")
        return _Answer(text=text, answerable=False, citations=(), seconds=0.0, model="")
    inbox = Inbox()
    with closing(EngineWorker(inbox.put)) as worker:
        worker.load(model or default_bundle_path())
        loaded = wait_for_model(inbox)
        passages = _fitting(retrieval.passages, loaded.context_length // 2)
        numbered = join_numbered([passage.text for passage in passages])
        language: PromptLanguage = "zh" if any(map(is_unspaced, retrieval.question)) else "en"
        prompt = ask_about_passages(numbered, retrieval.question, language)
        params = loaded.generation.params(temperature=0.0)
        pieces: list[str] = []
        with inbox.ctrl_c():
            request_id = worker.generate([{"role": "user", "content": prompt}], params)
            while True:
                match inbox.get():
                    case None:
                        worker.cancel(request_id)
                    case Token(text=piece):
                        pieces.append(piece)
                    case Failed(error=error):
                        raise error
                    case Done() | Cancelled():
                        break
    return _Answer(
        text="".join(pieces),
        answerable=True,
        citations=passages,
        seconds=monotonic() - begun,
        model=loaded.name,
    )


def _fitting(passages: Sequence[RetrievedPassage], characters: int) -> tuple[RetrievedPassage, ...]:
    """Return the best passages that have room together, one at least."""
    total = 0
    for count, passage in enumerate(passages):
        total += len(passage.text)
        if total > characters:
            return tuple(passages[: max(1, count)])
    return tuple(passages)


def _as_json(asked: Asked, answer: _Answer) -> str:
    retrieval = asked.retrieval
    values = {
        "answer": answer.text,
        "answerable": answer.answerable,
        "citations": [
            _place(passage) | {"start": passage.start, "end": passage.end, "text": passage.text}
            for passage in answer.citations
        ],
        "passages": [
            _place(passage) | {"text": passage.text, "score": round(passage.score, 4)}
            for passage in retrieval.passages
        ],
        "files": asked.files,
        "index_seconds": round(asked.index_seconds, 3),
        "retrieve_seconds": round(retrieval.seconds, 4),
        "answer_seconds": round(answer.seconds, 3),
        "model": answer.model,
    }
    return json_for_terminal(values)


def _where(passage: RetrievedPassage) -> str:
    file = passage.file.name
    if passage.page is None:
        return file
    return tr("{file}, page {page}", file=file, page=passage.page)


def _place(passage: RetrievedPassage) -> dict[str, object]:
    # A name that is no text in any encoding is shown as well as it can be.
    return {"file": os.fsencode(passage.file).decode("utf-8", "replace"), "page": passage.page}
