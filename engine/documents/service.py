"""A person's documents, as the window uses them: the library and the process that indexes it."""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import engine
from engine.database import newer_version
from engine.documents.indexing.messages import FAILED, PROCESS_ARGUMENT
from engine.documents.library.events import LibraryChanged, LibraryEvent, LibraryFailed
from engine.documents.library.failures import from_text
from engine.documents.library.library import Library
from engine.documents.library.salvage import rescue_library
from engine.documents.library.types import Collection, FileStatus, Progress, Status
from engine.documents.passages import Retrieval
from engine.i18n import tr

if TYPE_CHECKING:
    from engine.documents.search.retrieval import Retriever

T = TypeVar("T")

_RESTART_SECONDS = 2.0
_END_SECONDS = 10.0
_logger = logging.getLogger(__name__)


class DocumentService:
    """Owns a library and its indexing process. Use it from the thread that created it.

    What only reads returns at once. What writes or searches is done on a thread of the service
    and returns a Future, whose error is a GebError. `listener` is called on threads of the
    service. Raises StoreError if the library cannot be used. `set_aside` names the file into
    which a damaged library was renamed at this start, or is None. A library that a newer version
    wrote is searched, but not kept up to date, and what would change it raises StoreError.
    """

    def __init__(self, path: Path, listener: Callable[[LibraryEvent], None]) -> None:
        self._path = path
        self._listener = listener
        self._closed = threading.Event()
        rescued = rescue_library(path)
        self.set_aside = rescued[0] if rescued else None
        self._saved = rescued[1] if rescued else 0
        self._library = Library(path)
        self._writing = _LibraryThread(path, "library writer")
        self._searching = _LibraryThread(path, "library search")
        self._lock = threading.Lock()  # guards the next one
        self._input: IO[bytes] | None = None
        self._monitor = threading.Thread(target=self._watch_indexer, name="indexer", daemon=True)
        if not self._library.database.read_only:
            self._monitor.start()

    def library_notice(self) -> str:
        """Say what a person must know about the library at this start; "" where all is well."""
        if self._library.database.read_only:
            return str(newer_version(self._path))
        if self.set_aside is None:
            return ""
        return tr(
            "The library of documents was damaged. Collections that could be saved: {count}; "
            "their files are read again. The damaged file is kept in {path}.",
            count=self._saved,
            path=self.set_aside,
        )

    def collections(self) -> list[Collection]:
        """Return all collections in the order in which they were made."""
        return self._library.collections()

    def files(
        self,
        collection_id: int,
        *,
        status: Status | None = None,
        limit: int = -1,
        offset: int = 0,
    ) -> list[FileStatus]:
        """Return the files of a collection by path, those with `status` only if it is given."""
        return self._library.files(collection_id, status=status, limit=limit, offset=offset)

    def progress(self, collection_id: int) -> Progress:
        """Return how far a collection has come."""
        return self._library.progress(collection_id)

    def add_collection(self, name: str, paths: Sequence[Path] = ()) -> Future[int]:
        """Make a collection of folders and files and begin to index it; its id is returned."""
        return self._write(lambda library: library.add_collection(name, paths))

    def rename_collection(self, collection_id: int, name: str) -> Future[None]:
        """Give a collection another name."""
        return self._write(lambda library: library.rename_collection(collection_id, name))

    def remove_collection(self, collection_id: int) -> Future[None]:
        """Forget a collection. The files themselves are not touched."""
        return self._write(lambda library: library.remove_collection(collection_id))

    def add_paths(self, collection_id: int, paths: Sequence[Path]) -> Future[None]:
        """Add folders and files to a collection and begin to index them."""
        return self._write(lambda library: library.add_paths(collection_id, paths))

    def remove_path(self, collection_id: int, path: Path) -> Future[None]:
        """Take a folder or file that was added out of a collection again."""
        return self._write(lambda library: library.remove_path(collection_id, path))

    def set_paused(self, collection_id: int, *, paused: bool) -> Future[None]:
        """Let a collection's files wait, or go on with them."""
        return self._write(lambda library: library.set_paused(collection_id, paused=paused))

    def retrieve(
        self,
        question: str,
        *,
        earlier: Sequence[str] = (),
        collections: Sequence[int] | None = None,
        limit: int = 5,
        whole_characters: int = 0,
    ) -> Future[Retrieval]:
        """Search for what answers a question (see Retriever.retrieve). From any thread."""

        def search(library: Library) -> Retrieval:
            return self._searching.retriever(library).retrieve(
                question,
                earlier=earlier,
                collections=collections,
                limit=limit,
                whole_characters=whole_characters,
            )

        return self._searching.submit(search)

    def close(self) -> None:
        """End the indexing process and close the library. What was not indexed yet waits."""
        self._closed.set()
        self._end_indexer()
        if self._monitor.is_alive():
            self._monitor.join()
        self._writing.close()
        self._searching.close()
        self._library.close()

    def _write(self, change: Callable[[Library], T]) -> Future[T]:
        def work(library: Library) -> T:
            with library.transaction():  # the indexer lets this one in
                result = change(library)
            self._listener(LibraryChanged())
            self._tell_indexer()
            return result

        return self._writing.submit(work)

    def _tell_indexer(self) -> None:
        with self._lock, suppress(OSError):
            if self._input is not None:
                self._input.write(b"\n")

    def _end_indexer(self) -> None:
        with self._lock, suppress(OSError):
            if self._input is not None:
                self._input.close()
                self._input = None

    def _watch_indexer(self) -> None:
        """Runs on the monitor's thread: starts the indexing process, again if it dies."""
        while not self._closed.is_set():
            process = _start_indexer(self._path)
            with self._lock:
                self._input = process.stdin
            if self._closed.is_set():
                self._end_indexer()
            self._hear(process)
            self._end_indexer()
            _end(process)
            if not self._closed.is_set():
                _logger.warning("the indexing process ended with %s", process.returncode)
                self._closed.wait(_RESTART_SECONDS)

    def _hear(self, process: subprocess.Popen[bytes]) -> None:
        """Pass on what the indexing process says, until it ends."""
        assert process.stdout is not None  # noqa: S101 (a pipe was asked for)
        with process.stdout:
            for line in process.stdout:
                text = line.decode().rstrip()
                error = from_text(text.removeprefix(FAILED)) if text.startswith(FAILED) else None
                self._listener(LibraryChanged() if error is None else LibraryFailed(error))


def _start_indexer(path: Path) -> subprocess.Popen[bytes]:
    if getattr(sys, "frozen", False):
        command = [sys.executable, PROCESS_ARGUMENT, str(path)]
    else:
        command = [sys.executable, "-P", "-m", "engine.documents.indexing.process", str(path)]
    windows: dict[str, Any] = {}
    if sys.platform == "win32":
        windows["creationflags"] = subprocess.CREATE_NO_WINDOW
    return subprocess.Popen(  # noqa: S603 (our own module, no shell)
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        env=os.environ | {"PYTHONPATH": str(Path(engine.__file__).parents[1])},
        start_new_session=True,
        **windows,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class _LibraryThread:
    """A thread with a connection of its own to a library, opened when it is first needed."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._library: Library | None = None
        self._retriever: Retriever | None = None

    def submit(self, work: Callable[[Library], T]) -> Future[T]:
        """Do something with the library there."""
        return self._executor.submit(lambda: work(self._open()))

    def retriever(self, library: Library) -> "Retriever":
        """Return the one retriever of this thread, which remembers what it has read."""
        # A window opens before numpy is there.
        from engine.documents.search.retrieval import Retriever

        if self._retriever is None:
            self._retriever = Retriever(library)
        return self._retriever

    def close(self) -> None:
        """Finish what was begun and close the connection."""
        self._executor.submit(self._close)
        self._executor.shutdown()

    def _open(self) -> Library:
        if self._library is None:
            self._library = Library(self._path)
        return self._library

    def _close(self) -> None:
        if self._library is not None:
            self._library.close()
