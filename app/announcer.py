"""Lets a screen reader say an answer once it is complete; each token would be noise."""

import logging
from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QWidget

from engine.chat import AnswerEvent, ChatEvent
from engine.errors import StoreError
from engine.events import Cancelled, Done, Failed
from engine.i18n import tr
from engine.store import Store

_MOST_LETTERS: Final = 4000
"""The rest is read in the transcript, where a reader can move about."""
_logger: Final = logging.getLogger(__name__)


class Announcer:
    """Hears what the window hears; speaks of the conversation that `open_id` names."""

    def __init__(self, speaker: QWidget, store: Store, open_id: Callable[[], int | None]) -> None:
        self._speaker = speaker
        self._store = store
        self._open_id = open_id

    def take(self, events: Sequence[ChatEvent]) -> None:
        """Say how answers ended, if somebody listens."""
        if not QAccessible.isActive():
            return
        for event in events:
            if isinstance(event, AnswerEvent) and event.conversation_id == self._open_id():
                self._say(event)

    def _say(self, event: AnswerEvent) -> None:
        if isinstance(event.event, Failed):
            announce(self._speaker, str(event.event.error))
        elif isinstance(event.event, Done | Cancelled):
            try:
                text = self._store.message(event.message_id).content
            except StoreError:
                _logger.exception("an answer could not be read aloud")
                return
            announce(self._speaker, tr("Answer: {text}", text=text[:_MOST_LETTERS]))


def announce(speaker: QWidget, text: str) -> None:
    """Let a screen reader say `text` when it has finished what it is saying."""
    QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(speaker, text))
