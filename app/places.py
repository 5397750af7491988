"""Where the reader was in each conversation: kept soon after each move, not only at the end."""

from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from app.transcript import Anchor, Transcript
from engine.errors import StoreError
from engine.store import Store

_KEY: Final = "places"
_DELAY_MS: Final = 700
_MOST: Final = 50
"""Conversations whose places are kept, those that were read last."""


class Places(QObject):
    """The place in the open conversation goes to the store; at the end of one none is kept."""

    failed = Signal(object)

    def __init__(self, store: Store, transcript: Transcript, parent: QObject) -> None:
        super().__init__(parent)
        self._store, self._transcript = store, transcript
        self._open: int | None = None
        self._places = _read(store)
        self._timer = QTimer(self, singleShot=True, interval=_DELAY_MS)
        self._timer.timeout.connect(self.save)
        transcript.scrolled.connect(self._timer.start)

    def restore(self, conversation_id: int) -> None:
        """Go to where the reader was in the conversation that is shown now."""
        self._timer.stop()
        self._open = conversation_id
        anchor = self._places.get(conversation_id)
        if anchor is not None:
            self._transcript.go_to(anchor)

    def forget(self, conversation_id: int) -> None:
        """Let go of a conversation that was deleted."""
        self._timer.stop()
        self._places.pop(conversation_id, None)
        self._open = None

    def save(self) -> None:
        """Keep the place in the open conversation, if it is another one."""
        self._timer.stop()
        if self._open is None:
            return
        anchor = self._transcript.anchor()
        if anchor == self._places.get(self._open):
            return
        self._places.pop(self._open, None)
        if anchor is not None:
            self._places[self._open] = anchor
        for old in list(self._places)[:-_MOST]:
            del self._places[old]
        try:
            self._store.set_state(_KEY, [[n, *place] for n, place in self._places.items()])
        except StoreError as error:
            self.failed.emit(error)


def _read(store: Store) -> dict[int, Anchor]:
    """Return what was kept; nothing where it cannot be read: it is no great loss."""
    kept = store.state(_KEY)
    places: dict[int, Anchor] = {}
    for entry in kept if isinstance(kept, list) else []:
        if isinstance(entry, list) and len(entry) == 3 and all(type(n) is int for n in entry):
            places[entry[0]] = Anchor(entry[1], entry[2])
    return places
