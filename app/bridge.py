"""Carries events from the engine's thread to the GUI thread, in frames of at least 33 ms."""

from collections import deque
from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QElapsedTimer, QObject, Qt, QTimer, Signal

from engine.chat import ChatEvent

FRAME_MS: Final = 33


class EventBridge(QObject):
    """`post` from any thread; `arrived` on the GUI thread, with all events since the last frame.

    A burst of tokens therefore costs one repaint, and a slow stream is shown without delay.
    """

    arrived = Signal(object)
    _posted = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._closed = False
        self._events: deque[ChatEvent] = deque()
        self._since_frame = QElapsedTimer()
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._deliver)
        self._posted.connect(self._schedule, Qt.ConnectionType.QueuedConnection)

    def post(self, event: ChatEvent) -> None:
        """Take `event` from any thread; returns at once."""
        self._events.append(event)
        self._posted.emit()

    def close(self) -> None:
        """Deliver nothing from now on."""
        self._closed = True
        self._timer.stop()

    def _schedule(self) -> None:
        if self._closed or self._timer.isActive():
            return
        elapsed = self._since_frame.elapsed() if self._since_frame.isValid() else FRAME_MS
        self._timer.start(max(0, FRAME_MS - elapsed))

    def _deliver(self) -> None:
        self._since_frame.start()
        batch: Sequence[ChatEvent] = [self._events.popleft() for _ in range(len(self._events))]
        if batch:
            self.arrived.emit(batch)
