"""The process that keeps a library up to date, at low priority, beside the application.

It takes no orders but what stands in the library. The application writes a line when something
there has changed, and closes the pipe to end it; it is written a line when there is something new
to see, or when the disk refuses. `python -m engine.documents.indexing.process LIBRARY`.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import NoReturn

from engine.documents.indexing.indexer import Indexer
from engine.documents.indexing.lock import IndexerLock
from engine.documents.indexing.messages import CHANGED, FAILED
from engine.documents.indexing.scout import Scout
from engine.documents.library import contents, queue
from engine.documents.library.failures import as_text
from engine.documents.library.library import Library
from engine.documents.sandbox import DocumentReader
from engine.errors import StoreError
from engine.priority import give_way

_PATIENCE_SECONDS = 3.0
"""How long a file that is being read may hold up the end; it is read again the next time."""
_RETRY_SECONDS = 20.0
_LOCK_SECONDS = 2.0
_NICE = 10
_logger = logging.getLogger(__name__)


def main() -> NoReturn:
    """Index the library that the last argument names until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the application's affair
    _lower_priority()
    # Threads that wait for the interpreter get it soon; the writing one waits for it often.
    sys.setswitchinterval(0.0005)
    _Process(Path(sys.argv[-1])).run()
    # Threads that hang in a broken drive must not keep the process.
    os._exit(0)


class _Process:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._ended = threading.Event()
        self._work = threading.Event()
        self._scout: Scout | None = None
        self._reader = DocumentReader()
        self._sending = threading.Lock()

    def run(self) -> None:
        threading.Thread(target=self._listen, name="pipe", daemon=True).start()
        with closing(IndexerLock(self._path)) as lock:
            while not lock.take():
                if self._ended.wait(_LOCK_SECONDS):
                    return
            scouting = threading.Thread(target=self._keep_trying, args=(self._look_around,))
            scouting.start()
            self._keep_trying(self._index)
            scouting.join()

    def _keep_trying(self, work: Callable[[Library], None]) -> None:
        """Do something until the end, again after a while if the disk refuses it."""
        while not self._ended.is_set():
            try:
                with Library(self._path) as library:
                    work(library)
            except StoreError as error:  # the disk is full, or gone
                _logger.info("the library waits: %s", error)
                self._send(FAILED + as_text(error))
                self._ended.wait(_RETRY_SECONDS)

    def _index(self, library: Library) -> None:
        queue.recover(library)
        indexer = Indexer(self._path, self._reader, lambda: self._send(CHANGED))
        while not self._ended.is_set():
            self._work.clear()
            if not indexer.run(self._ended.is_set) and not self._tidy(library):
                self._work.wait()

    def _tidy(self, library: Library) -> bool:
        """Do a little of what can wait; return whether there is more."""
        return contents.erase_some(library) or contents.merge_some(library)

    def _look_around(self, library: Library) -> None:
        """Runs on the scout's thread."""
        with closing(Scout(library, self._ended.is_set)) as scout:
            self._scout = scout
            while not self._ended.is_set():
                scout.look()
                self._work.set()
                self._send(CHANGED)
                scout.wait()

    def _listen(self) -> None:
        """Runs on the pipe's thread."""
        with suppress(OSError):
            for _ in sys.stdin.buffer:
                self._rouse()
        self._ended.set()
        self._rouse()
        self._reader.close()
        threading.Event().wait(_PATIENCE_SECONDS)
        os._exit(0)

    def _rouse(self) -> None:
        self._work.set()
        if self._scout is not None:
            self._scout.wake()

    def _send(self, message: str) -> None:
        with self._sending, suppress(OSError):  # the application may have ended
            print(message, flush=True)


def _lower_priority() -> None:
    """Let everything else on this computer go first."""
    if sys.platform == "win32":
        import ctypes

        below_normal = 0x4000
        kernel = ctypes.windll.kernel32
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), below_normal)
    else:
        give_way(_NICE)


if __name__ == "__main__":
    main()
