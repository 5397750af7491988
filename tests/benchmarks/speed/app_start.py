"""A program: the application, from the start of its process to the first word of an answer.

python -m speed.app_start

Runs `geb` as it is, notes when each part is done and asks as soon as the window is painted.
Prints, in one line of JSON, seconds on the clock that all processes of this computer share.
"""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

NOTES: dict[str, float] = {"python": time.monotonic()}


def note(name: str) -> None:
    """Remember when `name` was done for the first time."""
    NOTES.setdefault(name, time.monotonic())


def main() -> int:
    """Start, ask, report, end."""
    from app import cli

    note("command")
    import PySide6.QtWidgets  # noqa: F401

    note("qt")
    from app import startup
    from app.window import MainWindow
    from engine.chat import AnswerEvent, ChatEvent
    from engine.events import Failed, ModelLoaded, Token
    from speed.serving import tell

    note("modules")
    _note_after(startup, "make_application", "application")
    _note_after(startup, "ChatService", "store")
    _note_after(MainWindow, "__init__", "widgets")
    _note_after(MainWindow, "show", "shown")
    load = MainWindow.load_model

    def load_and_ask(window: MainWindow, path: Any) -> None:
        note("painted")

        def hear(events: Sequence[ChatEvent]) -> None:
            for event in events:
                if isinstance(event, ModelLoaded):
                    NOTES.setdefault("model", NOTES["painted"] + event.load_seconds)
                elif isinstance(event, AnswerEvent) and isinstance(event.event, Token | Failed):
                    if "token" not in NOTES:
                        note("token")
                        tell(NOTES)
                    window.end()

        window._bridge.arrived.connect(hear)
        load(window, path)
        window.chat.send("你好")

    MainWindow.load_model = load_and_ask  # type: ignore[method-assign]
    return cli.main([])


def _note_after(owner: Any, name: str, what: str) -> None:
    """Note `what` whenever `owner.name` has been called."""
    call: Callable[..., Any] = getattr(owner, name)

    def noting(*arguments: Any, **options: Any) -> Any:
        result = call(*arguments, **options)
        note(what)
        return result

    setattr(owner, name, noting)


if __name__ == "__main__":
    sys.exit(main())
