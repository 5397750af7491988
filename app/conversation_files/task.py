"""One long piece of work with the store, on a thread of its own, which can be cancelled."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Final

from PySide6.QtCore import QObject, Signal

from engine.errors import DataError, GebError
from engine.store import Store

_logger = logging.getLogger(__name__)

OnProgress = Callable[[int, int], None]
Work = Callable[[Store, OnProgress], object]

_QUIET_SECONDS: Final = 0.4
"""What is done by then shows no progress."""
_STEP_SECONDS: Final = 0.1


class _CancelledError(Exception):
    """Raised inside the work to make it give up."""


class StoreTask(QObject):
    """Runs `work` with a connection of its own. One of the last three signals ends it."""

    progressed = Signal(float)
    """The share that is done, 0 to 1; not before some time has passed."""
    done = Signal(object)
    failed = Signal(object)
    cancelled = Signal()

    def __init__(self, store_path: Path, work: Work, parent: QObject) -> None:
        super().__init__(parent)
        self._path, self._work = store_path, work
        self._give_up = threading.Event()
        self._next_step = monotonic() + _QUIET_SECONDS
        self._thread = threading.Thread(target=self._run, name="store task", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def cancel(self) -> None:
        """Give up soon; nothing is changed then."""
        self._give_up.set()

    def wait(self) -> None:
        """Wait for the end of the thread."""
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            with Store(self._path) as store:
                result = self._work(store, self._on_progress)
        except _CancelledError:
            self.cancelled.emit()
        except GebError as error:
            self.failed.emit(error)
        except Exception:  # the thread ends with one of the signals, whatever happens
            _logger.exception("a task failed")
            self.failed.emit(DataError("Something unexpected went wrong; the log has the details."))
        else:
            self.done.emit(result)

    def _on_progress(self, done: int, total: int) -> None:
        if self._give_up.is_set():
            raise _CancelledError
        if monotonic() >= self._next_step:
            self._next_step = monotonic() + _STEP_SECONDS
            self.progressed.emit(done / max(total, 1))
