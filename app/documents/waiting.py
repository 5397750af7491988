"""The result of work on another thread, handed over on the GUI thread."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QObject, Qt, Signal

from engine.errors import GebError

T = TypeVar("T")


class Waiting(QObject, Generic[T]):
    """Calls `on_done` with the result of `future`, or `on_failed`, while its parent lives."""

    _ready = Signal()

    def __init__(
        self,
        future: Future[T],
        parent: QObject,
        on_done: Callable[[T], object],
        on_failed: Callable[[GebError], object],
    ) -> None:
        super().__init__(parent)
        self._future = future
        self._on_done, self._on_failed = on_done, on_failed
        self._ready.connect(self._finish, Qt.ConnectionType.QueuedConnection)
        future.add_done_callback(self._tell)

    def _tell(self, _future: Future[Any]) -> None:
        try:
            self._ready.emit()
        except RuntimeError:  # the window was closed meanwhile
            return

    def _finish(self) -> None:
        self.deleteLater()
        if self._future.cancelled():
            return
        try:
            result = self._future.result()
        except GebError as error:
            self._on_failed(error)
        else:
            self._on_done(result)
