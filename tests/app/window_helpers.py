"""Engines that give a test time to act, and what tests ask a window."""

import threading
from collections.abc import Callable

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QInputMethodEvent
from PySide6.QtWidgets import QWidget

from app.message_view import MessageView
from app.window import MainWindow
from engine.events import Event, Token
from engine.worker import EngineWorker

OpenWindow = Callable[..., MainWindow]


class SlowWorker(EngineWorker):
    """A real engine that takes 10 ms for each token, so that a test can act meanwhile."""

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        def slowly(event: Event) -> None:
            if isinstance(event, Token):
                threading.Event().wait(0.01)
            on_event(event)

        super().__init__(slowly)


class StalledWorker(EngineWorker):
    """A real engine that says nothing until `go` is set."""

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self.go = threading.Event()

        def later(event: Event) -> None:
            self.go.wait()
            on_event(event)

        super().__init__(later)

    def close(self) -> None:
        self.go.set()
        super().close()


def views(window: MainWindow) -> list[MessageView]:
    """Return the messages that are built, in any order but for those of a short chat."""
    return window.chat.transcript.widget().findChildren(MessageView)


def answering(window: MainWindow) -> bool:
    """Tell whether the button stops an answer, instead of sending a message."""
    return window.chat.composer.button.toolTip() == "Stop (Esc)"


def compose(editor: QWidget, preedit: str, commit: str = "") -> None:
    """Do as an input method does: show `preedit` as composing, after committing `commit`."""
    event = QInputMethodEvent(preedit, [])
    event.setCommitString(commit)
    QCoreApplication.sendEvent(editor, event)
