"""What a command in the terminal waits for: the engine's events, and Ctrl-C."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from types import FrameType

from engine.chat import ChatEvent
from engine.events import ContextReduced, Event, ModelFailed, ModelLoaded
from engine.i18n import tr
from engine.terminal_text import notice


class Inbox:
    """Events of the engine's thread, and Ctrl-C (None), in the order in which they come."""

    def __init__(self) -> None:
        # A SimpleQueue may be filled from a signal handler, whatever it interrupts.
        self._events: SimpleQueue[Event | ChatEvent | None] = SimpleQueue()
        self.put = self._events.put

    def get(self) -> Event | ChatEvent | None:
        """Wait for the next one."""
        while True:
            with suppress(Empty):
                # Windows delivers Ctrl-C only between waits.
                return self._events.get(timeout=0.2)

    @contextmanager
    def ctrl_c(self) -> Iterator[None]:
        """Receive Ctrl-C as None instead of KeyboardInterrupt."""

        def on_signal(_number: int, _frame: FrameType | None) -> None:
            self._events.put(None)

        previous = signal.signal(signal.SIGINT, on_signal)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, previous)
            while not self._events.empty():  # a late Ctrl-C was not meant for the next answer
                self._events.get()


def wait_for_model(inbox: Inbox) -> ModelLoaded:
    """Wait until the model is loaded; raises GebError if it cannot be."""
    while True:
        match inbox.get():
            case ModelLoaded() as loaded:
                return loaded
            case ModelFailed(error=error):
                raise error
            case ContextReduced(wanted=wanted, context_length=length):
                notice(
                    tr(
                        "Memory is short: the model can use {length} tokens of context instead of "
                        "{wanted}.",
                        length=length,
                        wanted=wanted,
                    )
                )
