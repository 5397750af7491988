"""Long work in a thread of its own, whose progress and end arrive on the GUI thread."""

import logging
import threading
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal

from engine.errors import GebError, GenerationError

_logger = logging.getLogger(__name__)


class Job(QObject):
    """Runs `work(job)`; it tells its progress with `tell` and ends soon once `cancelled` is set.

    Exactly one of `done` (with the result) and `failed` (with a GebError) follows.
    """

    progressed = Signal(object)
    done = Signal(object)
    failed = Signal(object)
    _ended = Signal(object, object)

    def __init__(self, work: Callable[["Job"], object], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._work = work
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="job", daemon=True)
        self._ended.connect(self._end, Qt.ConnectionType.QueuedConnection)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def cancel(self) -> None:
        """Ask the work to end."""
        self._cancelled.set()

    def cancelled(self) -> bool:
        """Tell the work whether it should end; from its thread."""
        return self._cancelled.is_set()

    def tell(self, progress: object) -> None:
        """Send progress to the GUI thread; from the work's thread."""
        self.progressed.emit(progress)

    def wait(self) -> None:
        """Wait for the thread's end."""
        self._thread.join()

    def _run(self) -> None:
        try:
            result, error = self._work(self), None
        except GebError as expected:
            result, error = None, expected
        except Exception:
            _logger.exception("a job failed")
            result = None
            error = GenerationError("Something unexpected went wrong; the log has the details.")
        self._ended.emit(result, error)

    def _end(self, result: object, error: GebError | None) -> None:
        self._thread.join()
        if error is None:
            self.done.emit(result)
        else:
            self.failed.emit(error)
