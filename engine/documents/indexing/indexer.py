"""Reads the files that wait and writes what they say: three steps, each ahead of the next.

One thread waits for the process that reads files, one finds words, the caller's writes. SQLite
and the reading process need no interpreter, so the three share two cores well. Everything is
written in short transactions: whoever else writes to the library never waits long, and after a
crash nothing is lost but what was being read.
"""

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Protocol

from engine.documents.document import Document
from engine.documents.indexing.ahead import Ahead
from engine.documents.indexing.scanning import check_root
from engine.documents.library import contents, queue, roots
from engine.documents.library.contents import Head, Portion
from engine.documents.library.library import SPEED, Library
from engine.documents.library.queue import Stamp, WaitingFile
from engine.documents.splitting import split
from engine.errors import DocumentError

_CLAIMED_AT_ONCE = 128
_FILES_AHEAD = 2
_STEPS_AHEAD = 24
"""Several small files, so that words are found while others are written; of a large one 30 MB."""
_COMMIT_SECONDS = 1.0
_COMMIT_CHARACTERS = 4_000_000
_LOOK_SECONDS = 0.02
_HASHED_AT_ONCE = 1 << 20
_SPEED_MEMORY_SECONDS = 30.0


class Reader(Protocol):
    """What the indexer needs of engine.documents.sandbox.DocumentReader."""

    def read(self, path: Path) -> Document:
        """Return what a file says. Raises DocumentError."""

    def cancel(self) -> None:
        """End the reading in progress, which then fails with the code "cancelled"."""


@dataclass(frozen=True)
class _Read:
    """A file's contents, or the document that the library has of them, or why there are none."""

    file: WaitingFile
    hash: bytes
    result: Document | int | DocumentError


@dataclass(frozen=True)
class _Finished:
    """All of a file has been prepared, or nothing was to be: let it show this."""

    file: WaitingFile
    hash: bytes
    result: int | DocumentError | None
    """None: the document that was written last."""


_Step = Head | Portion | _Finished


class Indexer:
    """Indexes the library at `path`; only one may at a time (see indexing.process).

    `on_commit` is called, on the thread that runs, after each change that others can see.
    """

    def __init__(
        self, path: Path, reader: Reader, on_commit: Callable[[], None] = lambda: None
    ) -> None:
        self._path = path
        self._reader = reader
        self._on_commit = on_commit
        self._may_write = threading.Event()
        self._may_write.set()
        """Cleared while the reading thread wants to write: the one that writes lets it."""
        self._writing = threading.Lock()

    def run(self, stopped: Callable[[], bool] = lambda: False) -> int:
        """Index what waits, until nothing does or `stopped`; return how many files were done.

        Raises StoreError if the library cannot be written (a full disk): what is not written
        waits for the next run.
        """
        with Library(self._path) as library:
            try:
                with (
                    Ahead(self._read_all(stopped), _FILES_AHEAD) as files,
                    Ahead(_prepare_all(files, stopped), _STEPS_AHEAD) as steps,
                ):
                    try:
                        return self._write_all(library, steps)
                    except BaseException:
                        self._reader.cancel()
                        raise
            finally:
                # Only now nobody takes files any more.
                queue.recover_unfinished(library)

    def _read_all(self, stopped: Callable[[], bool]) -> Iterator[_Read]:
        with Library(self._path) as library:
            while not stopped() and (files := self._claim(library)):
                for place, file in enumerate(files):
                    if stopped():
                        for left in files[place:]:
                            queue.unclaim(library, left)
                        return
                    if not queue.is_wanted(library, file):
                        queue.unclaim(library, file)
                    elif (read := self._read(library, file)) is not None:
                        yield read

    def _claim(self, library: Library) -> list[WaitingFile]:
        self._may_write.clear()
        try:
            with self._writing:
                return queue.claim(library, _CLAIMED_AT_ONCE)
        finally:
            self._may_write.set()

    def _read(self, library: Library, file: WaitingFile) -> _Read | None:
        """Return a file's contents; None if it has changed or is not there any more."""
        content_hash = b""
        try:
            content_hash = _hash(file.path)
            known = contents.document_with(library, content_hash)
            result = known if known is not None else self._reader.read(file.path)
            if Stamp.of(file.path.stat()) != file.stamp:
                self._look_again(library, file)
                return None
        except OSError as error:
            if isinstance(error, FileNotFoundError) or not _root_is_there(library, file):
                self._look_again(library, file)
                return None
            failure = DocumentError(
                "The file cannot be read: {detail}.", code="unreadable", detail=error.strerror
            )
            return _Read(file, content_hash, failure)
        except DocumentError as error:
            if error.code == "cancelled":
                queue.unclaim(library, file)
                return None
            if not _root_is_there(library, file):
                self._look_again(library, file)
                return None
            return _Read(file, content_hash, error)
        return _Read(file, content_hash, result)

    def _look_again(self, library: Library, file: WaitingFile) -> None:
        """Let a changed file wait as it is now; forget it if it is gone, its folder is not."""
        queue.unclaim(library, file)
        if not _root_is_there(library, file):
            return
        try:
            stamp = Stamp.of(file.path.stat())
        except OSError:
            queue.forget(library, [file.id])
        else:
            queue.restamp(library, file, stamp)

    def _write_all(self, library: Library, steps: Ahead[_Step]) -> int:
        done = 0
        speed = _Speed(library)
        document_id = 0
        step = next(steps, None)
        while step is not None:
            self._may_write.wait()
            with self._writing, library.transaction():
                passages = contents.PassageWriter(library)
                begun, characters = monotonic(), 0
                while step is not None:
                    match step:
                        case Head():
                            document_id = contents.begin_document(library, step)
                        case Portion():
                            passages.add(document_id, step)
                            characters += step.characters
                        case _Finished():
                            _finish(library, step, document_id)
                            speed.add(step.file.stamp.size)
                            done += 1
                    step = None
                    # Few large transactions make an index that is fast to write and to read.
                    while (
                        step is None
                        and not steps.has_ended
                        and monotonic() < begun + _COMMIT_SECONDS
                        and characters < _COMMIT_CHARACTERS
                        and self._may_write.is_set()
                    ):
                        step = steps.wait(_LOOK_SECONDS)
                passages.flush()
                speed.keep()
            self._on_commit()
            step = next(steps, None)
        return done


class _Speed:
    """Bytes per second of the last half minute or so, from which the time left is told."""

    def __init__(self, library: Library) -> None:
        self._library = library
        before = library.state(SPEED)
        self._speed = float(before) if isinstance(before, int | float) else 0.0
        self._since = monotonic()
        self._bytes = 0

    def add(self, size: int) -> None:
        """Count a file that is done."""
        self._bytes += size

    def keep(self) -> None:
        """Bring the speed in the library up to date."""
        seconds = monotonic() - self._since
        if self._bytes and seconds > 0:
            weight = 1.0 if not self._speed else min(1.0, seconds / _SPEED_MEMORY_SECONDS)
            self._speed += weight * (self._bytes / seconds - self._speed)
            self._library.set_state(SPEED, round(self._speed))
            self._since, self._bytes = monotonic(), 0


def _prepare_all(files: Iterable[_Read], stopped: Callable[[], bool]) -> Iterator[_Step]:
    for read in files:
        result = read.result
        if isinstance(result, Document):
            for part in contents.prepare(result, read.hash, split(result)):
                if stopped():
                    return
                yield part
            yield _Finished(read.file, read.hash, None)
        else:
            yield _Finished(read.file, read.hash, result)


def _finish(library: Library, step: _Finished, document_id: int) -> None:
    if isinstance(step.result, DocumentError):
        queue.fail(library, step.file, step.result)
        return
    if step.result is None:
        document_id = contents.end_document(library, document_id, step.hash)
    else:
        document_id = step.result
    queue.finish(library, step.file, document_id)


def _hash(path: Path) -> bytes:
    """Return the hash of a file's bytes, and of its suffix, by which some kinds are told apart."""
    digest = hashlib.sha256(path.suffix.lower().encode("utf-8", "replace") + b"\0")
    with path.open("rb") as file:
        while data := file.read(_HASHED_AT_ONCE):
            digest.update(data)
    return digest.digest()


def _root_is_there(library: Library, file: WaitingFile) -> bool:
    root = roots.path_of(library, file.root_id)
    return root is not None and check_root(library, file.root_id, root)
