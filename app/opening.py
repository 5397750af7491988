"""From the command to the window: is one open already, and is all there that a new one needs?

Qt is imported as late as can be: a second start only hands over what it was given.
"""

import os
import signal
from contextlib import suppress
from importlib import import_module

from app.display import missing_libraries
from app.single_instance import Instance, NoAnswerError, Request
from engine.errors import GebError
from engine.i18n import tr
from engine.terminal_text import notice


def open_window(request: Request) -> int:
    """Open the window, or bring the open one to the front; return the exit status."""
    try:
        instance = Instance()
        first = _claim(instance, request)
    except GebError as error:
        _say(error)
        return 1
    if not first:
        return 0
    try:
        if not _can_open():
            return 1
        from app.startup import run

        return run(request, instance)
    finally:
        instance.release()


def _claim(instance: Instance, request: Request) -> bool:
    """Return whether this is the first start. Raises NoAnswerError and StoreError."""
    try:
        return instance.claim(request)
    except NoAnswerError as error:
        if error.pid is None or not _can_open():
            raise
        from app.startup import ask_to_end

        if not ask_to_end(error):
            raise
        with suppress(ProcessLookupError):  # it has ended by itself meanwhile
            os.kill(error.pid, signal.SIGKILL)
        return instance.claim(request)


def _say(error: GebError) -> None:
    """Tell it to whoever started this: by a command, or by a click."""
    notice(error)
    if _can_open():
        from app.startup import say

        say(error)


def _can_open() -> bool:
    """Tell whether Qt and what it needs is here; say what is not."""
    missing = ", ".join(missing_libraries())
    if not missing:
        try:
            import_module("PySide6.QtWidgets")
        except ImportError as error:
            missing = str(error)
    if missing:
        notice(
            tr(
                "The window cannot open because something is missing: {missing}. "
                "`make setup` installs it; `geb chat` works without.",
                missing=missing,
            )
        )
    return not missing
