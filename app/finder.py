"""Finds words in the open conversation, in messages that are not built as well."""

from collections.abc import Sequence
from functools import partial
from time import perf_counter
from typing import Any, Final

import shiboken6
from PySide6.QtCore import QObject, QTimer, Signal

from app.highlights import Place, mark, places_in
from app.markdown.plain import shown_lines
from app.message_view import MessageView
from app.transcript import Transcript
from engine.search_text import find_text, find_words
from engine.store import Message

_SLICE_SECONDS: Final = 0.003


class Finder(QObject):
    """Counts all matches, a few milliseconds at a time, and goes from one to the next.

    Messages that are built are searched as they look; the others as they will look.
    """

    changed = Signal()
    """`count`, `number` or `is_counting` is another."""

    def __init__(self, transcript: Transcript) -> None:
        super().__init__(transcript)
        self._transcript = transcript
        self._query = ""
        self._counts: dict[int, int] = {}
        """Matches in each message that was searched."""
        self._places: dict[int, list[Place]] = {}
        """Of those messages that are built."""
        self._lines: dict[int, list[str]] = {}
        self._current: tuple[int, int] | None = None
        """A message, and which of its matches."""
        self._marked: list[MessageView] = []
        self._waiting: list[Message] = []
        self._timer = QTimer(self, singleShot=True, interval=0)
        self._timer.timeout.connect(self._count_on)
        transcript.rebuilt.connect(self._follow)

    @property
    def count(self) -> int:
        """Matches that were found so far."""
        return sum(self._counts.values())

    @property
    def number(self) -> int:
        """Which of the matches the reader is at, from 1 on; 0: none."""
        if self._current is None:
            return 0
        message_id, place = self._current
        before = 0
        for message in self._transcript.messages:
            if message.id == message_id:
                break
            before += self._counts.get(message.id, 0)
        return before + place + 1

    @property
    def is_counting(self) -> bool:
        """True while some messages still wait to be searched."""
        return self._timer.isActive()

    def find(self, query: str) -> None:
        """Search for `query` and go to the match that is nearest; "" ends the search."""
        self.clear()
        self._query = query
        if query:
            self._waiting = list(self._transcript.messages)  # the last ones are searched first
            for view in self._transcript.views():
                self._search(view.message)
            self._go_to_nearest()
            self._count_on()
        self.changed.emit()

    def clear(self) -> None:
        """Forget the query and take all marks away."""
        self._query = ""
        self._current = None
        self._counts.clear()
        self._places.clear()
        self._waiting.clear()
        self._timer.stop()
        for view in self._marked:
            _unmark(view)
        self._marked.clear()

    def step(self, step: int) -> None:
        """Go to the match after (1) or before (-1) the current one, around the ends too."""
        while self._waiting:
            self._count_one()
        messages = [m for m in self._transcript.messages if self._counts.get(m.id)]
        if not messages:
            return
        if self._current is None:
            self._go(messages[-1].id, self._counts[messages[-1].id] - 1)
            return
        message_id, place = self._current
        place += step
        if not 0 <= place < self._counts[message_id]:
            ids = [message.id for message in messages]
            message_id = ids[(ids.index(message_id) + step) % len(ids)]
            place = 0 if step > 0 else -1
        self._go(message_id, place)

    def mark_words(self, message_id: int, query: str) -> None:
        """Mark where the words of a search are in one message, and go to the first."""
        self.clear()
        view = self._transcript.reveal(message_id)
        if view is None:
            return
        places = places_in(view.blocks(), partial(find_words, query=query))
        for block in view.blocks():
            mark(block, [place for place in places if place.block is block])
        self._marked = [view]
        if places:
            self._show(places[0])
        else:
            self._transcript.show_place(view, 0)

    def refresh(self, message: Message) -> None:
        """Search a message again: its text has changed."""
        self._lines.pop(message.id, None)
        if self._query:
            self._search(message)
            self.changed.emit()

    def _count_on(self) -> None:
        end = perf_counter() + _SLICE_SECONDS
        while self._waiting and perf_counter() < end:
            self._count_one()
        if self._waiting:
            self._timer.start()
        elif self._current is None and self.count:
            self.step(-1)  # nothing was found near the reader
        self.changed.emit()

    def _count_one(self) -> None:
        message = self._waiting.pop()
        if message.id not in self._counts:
            self._search(message)
        if not self._waiting:
            self._timer.stop()

    def _search(self, message: Message) -> None:
        view = self._transcript.view(message.id)
        find = partial(find_text, wanted=self._query)
        if view is None:
            self._counts[message.id] = sum(len(find(line)) for line in self._lines_of(message))
            return
        places = places_in(view.blocks(), find)
        self._counts[message.id], self._places[message.id] = len(places), places
        self._mark(view, places)

    def _lines_of(self, message: Message) -> list[str]:
        if message.id not in self._lines:
            is_answer = message.role == "assistant"
            text = message.content
            self._lines[message.id] = shown_lines(text) if is_answer else text.split("\n")
        return self._lines[message.id]

    def _mark(self, view: MessageView, places: Sequence[Place]) -> None:
        current = None
        if self._current is not None and self._current[0] == view.message.id and places:
            current = places[min(self._current[1], len(places) - 1)]
        for block in view.blocks():
            mark(block, [place for place in places if place.block is block], current)
        if view not in self._marked:
            self._marked.append(view)

    def _go_to_nearest(self) -> None:
        """Go to the first match that is seen or below, else to the last one of all."""
        top = self._transcript.viewport().mapToGlobal(self._transcript.viewport().pos()).y()
        for message in self._transcript.messages:
            for number, place in enumerate(self._places.get(message.id, ())):
                y = place.block.mapToGlobal(place.block.rect().topLeft()).y()
                if y + place.block.height() > top:
                    self._go(message.id, number)
                    return

    def _go(self, message_id: int, place: int) -> None:
        """Go to a match of a message, building it first; -1 is its last one."""
        former = self._current
        self._current = None
        view = self._transcript.reveal(message_id)
        places = self._places.get(message_id, [])
        if view is None or not places:
            return
        place = place % self._counts[message_id]
        self._current = (message_id, min(place, len(places) - 1))
        if former is not None and former[0] != message_id:
            self._remark(former[0])
        self._mark(view, places)
        self._show(places[self._current[1]])
        self.changed.emit()

    def _remark(self, message_id: int) -> None:
        view = self._transcript.view(message_id)
        if view is not None:
            self._mark(view, self._places.get(message_id, []))

    def _show(self, place: Place) -> None:
        cursor = place.block.textCursor()
        cursor.setPosition(place.start)
        self._transcript.show_place(place.block, place.block.cursorRect(cursor).center().y())

    def _follow(self) -> None:
        """Search what was built now; forget what is no longer there."""
        ids = {message.id for message in self._transcript.messages}
        for known in (self._counts, self._places, self._lines):
            _forget(known, ids)
        self._marked = [view for view in self._marked if shiboken6.isValid(view)]
        if self._current is not None and self._current[0] not in ids:
            self._current = None
        if self._query:
            for message in self._transcript.messages:
                built = self._transcript.view(message.id) is not None
                if message.id not in self._counts or (built and message.id not in self._places):
                    self._search(message)
            self.changed.emit()


def _forget(known: dict[int, Any], ids: set[int]) -> None:
    for number in [number for number in known if number not in ids]:
        del known[number]


def _unmark(view: MessageView) -> None:
    if shiboken6.isValid(view):
        for block in view.blocks():
            block.setExtraSelections([])
