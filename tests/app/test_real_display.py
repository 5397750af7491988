"""The window on a real X server: keys from outside, and Chinese through a real input method."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from engine.paths import store_path
from engine.resources import RESOURCES
from engine.store import Store

pytestmark = pytest.mark.slow
_PATIENCE_SECONDS = 120
_ENGINE = "libpinyin"


def wait_until(done: Callable[[], object]) -> None:
    """Wait until `done` says so. Raises AssertionError where it never does."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.1)


def needs(*programs: str) -> None:
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")


class Display:
    """An X server of the test's own, with the programs that run on it."""

    def __init__(self, home: Path, stack: ExitStack) -> None:
        self._stack = stack
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if name not in ("QT_QPA_PLATFORM", "WAYLAND_DISPLAY", "QT_IM_MODULE", "XMODIFIERS")
        } | {"HOME": str(home), "XDG_RUNTIME_DIR": str(home), "LANG": "C.UTF-8"}
        end, start = os.pipe()
        self.run(
            "Xvfb", "-displayfd", str(start), "-nolisten", "tcp", "-screen", "0", "1200x900x24",
            pass_fds=[start],
        )  # fmt: skip
        os.close(start)
        with os.fdopen(end) as numbers:
            self.environment["DISPLAY"] = ":" + numbers.readline().strip()

    def run(self, *command: str, **options: object) -> subprocess.Popen[str]:
        """Start a program that ends with the test."""
        process = subprocess.Popen(command, env=self.environment, text=True, **options)  # type: ignore[call-overload]

        def end() -> None:
            process.terminate()
            process.wait()

        self._stack.callback(end)
        return process  # type: ignore[no-any-return]

    def ask(self, *command: str) -> str:
        """Run a program to its end and return what it says, whether it fails or not."""
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False
        ).stdout.strip()

    def open_window(self, bundle: Path) -> subprocess.Popen[str]:
        """Start the application and give its window the keyboard."""
        process = self.run(
            sys.executable, "-m", "app.cli", "--model", str(bundle), cwd=RESOURCES.parent
        )
        find = ("xdotool", "search", "--onlyvisible", "--name", "^GEB Chat$")
        wait_until(lambda: self.ask(*find))
        self.ask("xdotool", "windowfocus", "--sync", self.ask(*find).splitlines()[0])
        return process

    def press(self, *keys: str) -> None:
        """Press keys one after the other, as fast as a person."""
        for key in keys:
            self.ask("xdotool", "key", "--delay", "60", key)

    def type(self, text: str) -> None:
        """Type text."""
        self.ask("xdotool", "type", "--delay", "60", text)


@pytest.fixture
def display(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Display]:
    needs("Xvfb", "xdotool")
    monkeypatch.setenv("GEB_CHAT_HOME", str(tmp_path / "home"))
    with ExitStack() as stack:
        yield Display(tmp_path, stack)


def sent() -> list[str]:
    """Return what the user sent, in the order of the conversations."""
    with closing(Store(store_path())) as store:
        threads = [store.thread(c.id) for c in reversed(store.list_conversations())]
    return [m.content for thread in threads for m in thread if m.role == "user"]


def drafts() -> list[str]:
    with closing(Store(store_path())) as store:
        return [store.draft(c.id) for c in store.list_conversations()]


def test_keys_reach_the_window(display: Display, tiny_bundle: Path) -> None:
    process = display.open_window(tiny_bundle)
    display.type("hello")
    display.press("shift+Return")
    display.type("world")
    wait_until(lambda: "hello\nworld" in drafts())
    display.press("Return")
    wait_until(lambda: sent() == ["hello\nworld"])
    display.press("ctrl+n")
    display.type("second")
    display.press("Return")
    wait_until(lambda: sent() == ["hello\nworld", "second"])
    display.press("ctrl+q")
    assert process.wait(_PATIENCE_SECONDS) == 0


def test_chinese_through_ibus(display: Display, tiny_bundle: Path, tmp_path: Path) -> None:
    """Enter, Escape and the space bar belong to the composition as long as there is one."""
    needs("ibus-daemon", "ibus", "dbus-daemon")
    bus = display.run(
        "dbus-daemon", "--session", "--nofork", "--print-address", stdout=subprocess.PIPE
    )
    assert bus.stdout is not None
    display.environment["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().strip()
    bus.stdout.close()
    # As a desktop with fcitx has it: the window finds the way through ibus by itself.
    display.environment |= {"XMODIFIERS": "@im=fcitx", "GSETTINGS_BACKEND": "memory"}
    display.run("ibus-daemon", "--panel", "disable", "--replace")
    wait_until(lambda: _ENGINE in display.ask("ibus", "list-engine"))
    process = display.open_window(tiny_bundle)
    wait_until(lambda: display.ask("ibus", "engine", _ENGINE) or chosen(display))
    display.type("nihao")
    display.press("Escape")
    display.type("nihao")
    display.press("space")
    wait_until(lambda: "你好" in drafts())
    assert sent() == []
    display.type("zhongguo")
    display.press("space", "Return")
    wait_until(lambda: sent() == ["你好中国"])
    display.press("ctrl+q")
    assert process.wait(_PATIENCE_SECONDS) == 0


def chosen(display: Display) -> bool:
    return display.ask("ibus", "engine") == _ENGINE
