"""A program: the real window, used by a script that says what it has seen stored.

    python tests/torture/session.py BUNDLE SEED

Prints a line of JSON before each change ("try") and after it ("kept"); what follows "kept" must
outlive anything that happens to the process from then on. Runs until it is killed.
"""

import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QTimer

from app import startup
from app.single_instance import Instance, Request
from app.window import MainWindow
from engine.chat import AnswerEvent, ChatEvent
from engine.events import Cancelled, Done, Failed

_TICK_MS = 15
_WORDS = [
    "the",
    "rain",
    "长江",
    "falls",
    "on",
    "北京",
    "and",
    "nobody",
    "knows",
    "为什么",
    "it",
    "stops",
    "at",
    "noon",
    "今天",
]


def say(kind: str, what: str, number: int, value: str) -> None:
    """Tell the parent process."""
    print(json.dumps([kind, what, number, value]), flush=True)


class Script:
    """Uses a window at random, as fast as a hasty person could and faster."""

    def __init__(self, window: MainWindow, seed: int) -> None:
        self._window = window
        self._store = window.chat._service.store
        self._random = random.Random(seed)  # noqa: S311 (no secret)
        self._timer = QTimer(window, interval=_TICK_MS)
        self._timer.timeout.connect(self._act)
        self._timer.start()
        window._bridge.arrived.connect(self._heard)

    def _act(self) -> None:
        acts = (self._send, self._send, self._stop, self._new, self._draft, self._rename)
        self._random.choice(acts)()

    def _send(self) -> None:
        text = self._text()
        before = self._window.chat.conversation_id
        say("try", "draft", before or 0, "")
        self._window.chat.composer.set_text(text)
        self._window.chat.send(text)
        shown = self._window.chat.composer.text() == ""
        if shown and before is not None:
            question = self._store.thread(before)[-2]
            say("kept", "message", question.id, question.content)
            say("kept", "draft", before, "")

    def _stop(self) -> None:
        if self._random.random() < 0.3:
            self._window.chat.stop()

    def _new(self) -> None:
        if self._random.random() < 0.1:
            self._window.sidebar.new()

    def _draft(self) -> None:
        conversation_id, text = self._window.chat.conversation_id, self._text()
        if conversation_id is not None:
            say("try", "draft", conversation_id, text)
            self._window.chat.composer.set_text(text)
            self._window.chat.save_draft()
            say("kept", "draft", conversation_id, text)

    def _rename(self) -> None:
        conversation_id, title = self._window.chat.conversation_id, self._text()
        if conversation_id is not None:
            say("try", "title", conversation_id, title)
            self._store.rename(conversation_id, title)
            say("kept", "title", conversation_id, title)

    def _heard(self, events: Sequence[ChatEvent]) -> None:
        """An answer that has ended is on the disk."""
        for event in events:
            if isinstance(event, AnswerEvent) and isinstance(
                event.event, Done | Cancelled | Failed
            ):
                say("kept", "message", event.message_id, self._answer(event.message_id))

    def _answer(self, message_id: int) -> str:
        return self._store.message(message_id).content

    def _text(self) -> str:
        return " ".join(self._random.choices(_WORDS, k=self._random.randint(1, 30)))


def main() -> int:
    """Open the window and let the script use it."""
    load = MainWindow.load_model
    scripts: list[Script] = []

    def load_and_begin(window: MainWindow, path: Path | None) -> None:
        load(window, path)
        scripts.append(Script(window, int(sys.argv[2])))

    MainWindow.load_model = load_and_begin  # type: ignore[method-assign]
    return startup.run(Request(model=Path(sys.argv[1])), Instance())


if __name__ == "__main__":
    sys.exit(main())
