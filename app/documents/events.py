"""Carries what the library says from its threads to the GUI thread, a few times a second."""

from typing import Final

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from engine.documents.library.events import LibraryChanged, LibraryEvent

_REFRESH_MS: Final = 300
_SHARE: Final = 0.1
"""Of the time, at most, that showing a library may take: one of many files is shown less often."""


class LibraryEvents(QObject):
    """`post` from any thread; the signals come on the GUI thread."""

    changed = Signal()
    """Collections, files or progress are not what they were; at most every 300 ms.

    More rarely where that takes long: see `took`."""
    failed = Signal(object)
    """Indexing waits because of this GebError."""
    _posted = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._timer = QTimer(self, singleShot=True, interval=_REFRESH_MS)
        self._timer.timeout.connect(self.changed)
        self._posted.connect(self._take, Qt.ConnectionType.QueuedConnection)
        self._closed = False

    def post(self, event: LibraryEvent) -> None:
        """Take an event from any thread; returns at once."""
        self._posted.emit(event)

    def took(self, seconds: float) -> None:
        """Learn how long it took to show what had changed."""
        self._timer.setInterval(max(_REFRESH_MS, round(1000 * seconds / _SHARE)))

    def close(self) -> None:
        """Say nothing from now on, also of what was posted before."""
        self._closed = True
        self._timer.stop()

    def _take(self, event: LibraryEvent) -> None:
        if self._closed:
            return
        if isinstance(event, LibraryChanged):
            if not self._timer.isActive():
                self._timer.start()
        else:
            self.failed.emit(event.error)
