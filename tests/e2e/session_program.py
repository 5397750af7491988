"""A program: the application as `geb` starts it, used by tests/app/whole_session.py to the end.

    python session_program.py FOLDER PORT

The terminal's commands come first. Prints the name of each thing that worked.
"""

import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from whole_session import DOCUMENT, WholeSession

from app import startup
from app.opening import open_window
from app.single_instance import Request
from app.window import MainWindow

_SECONDS = 300.0


def wait(condition: Callable[[], object]) -> None:
    """Let the window live until `condition` holds."""
    deadline = time.monotonic() + _SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not happen in time")
        QApplication.processEvents()
        time.sleep(0.01)


def use_terminal(folder: Path) -> None:
    """Use every command once."""
    paper = folder / "for-the-terminal.txt"
    paper.write_text(DOCUMENT, encoding="utf-8")
    for words in (
        ["chat", "--prompt", "你好", "--json"],
        ["ask", str(paper), "-q", "When was the recipe written?"],
        ["models", "list"],
        ["models", "verify"],
        ["settings"],
    ):
        command = [sys.executable, "-m", "app.cli", *words]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        print(f"geb {' '.join(words[:1])}", flush=True)


def use_window(folder: Path, port: int) -> bool:
    """Open the window, use it, and tell whether all went well."""
    worked = False
    load = startup._when_painted

    def use(window: MainWindow) -> None:
        nonlocal worked
        try:
            print(QApplication.platformName(), flush=True)
            wait(lambda: window.chat.status.model.text() == "geb-nano")
            for step in WholeSession(window, folder, wait, port).steps():
                print(step, flush=True)
            worked = True
        except Exception:  # noqa: BLE001 - whatever it was, the test is to read it
            traceback.print_exc()
        window.end()

    def load_and_use(window: MainWindow, *others: object) -> None:
        load(window, *others)  # type: ignore[arg-type]
        QTimer.singleShot(0, window, lambda: use(window))

    startup._when_painted = load_and_use  # type: ignore[assignment]
    return open_window(Request()) == 0 and worked


if __name__ == "__main__":
    own = Path(sys.argv[1])
    use_terminal(own)
    sys.exit(not use_window(own, int(sys.argv[2])))
