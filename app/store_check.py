"""Reads a large store through once there is time, so that damage is told while it can be saved."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QTimer

from app.job import Job
from engine.errors import GebError
from engine.store import find_store_damage

_AFTER_START_MS: Final = 5000


class StoreCheck(QObject):
    """Begins soon after it was made; `failed` hears of damage. `close` it before the store."""

    def __init__(self, path: Path, failed: Callable[[GebError], object], parent: QObject) -> None:
        super().__init__(parent)
        self._path = path
        self._failed = failed
        self._job: Job | None = None
        self._timer = QTimer(self, singleShot=True, interval=_AFTER_START_MS)
        self._timer.timeout.connect(self.begin)
        self._timer.start()

    def begin(self) -> None:
        """Read now."""
        self._job = Job(lambda job: find_store_damage(self._path, job.cancelled), self)
        self._job.failed.connect(self._failed)
        self._job.start()

    def close(self) -> None:
        """Stop reading."""
        self._timer.stop()
        if self._job is not None:
            self._job.cancel()
            self._job.wait()
