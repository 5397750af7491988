"""All that a person can do stays on this computer, and is read by that person only."""

import logging
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot
from whole_session import SECRET, WholeSession
from window_helpers import OpenWindow

from app.errors.log_file import LogFile
from engine.bundle import default_bundle_path
from engine.paths import data_dir, log_dir

# Python tells of these before they happen; names are looked up before anything is sent.
_CALLS = ("connect", "bind", "sendto", "sendmsg", "getaddrinfo", "gethostbyname", "gethostbyaddr")


class _Watch:
    """Refuses, and remembers, what would reach another computer or let one in."""

    def __init__(self) -> None:
        self.port = 0
        self.on = False
        self.refused: list[str] = []
        self.seen = 0
        sys.addaudithook(self._hear)  # for good: Python has no way to take one back

    def _hear(self, event: str, details: tuple[Any, ...]) -> None:
        module, _, call = event.partition(".")
        if self.on and module == "socket" and call in _CALLS:
            self.seen += 1
            if not self._stays(call, details):
                self.refused.append(f"{event} {details[1:]}")
                raise PermissionError(f"{event} is not allowed")

    def _stays(self, call: str, details: tuple[Any, ...]) -> bool:
        if call in ("getaddrinfo", "gethostbyname", "gethostbyaddr"):
            return details[0] == "127.0.0.1"  # a number: nobody is asked
        connection, address = details[0], details[1]
        if connection.family == socket.AF_UNIX:
            return True
        return connection.family == socket.AF_INET and address == ("127.0.0.1", self.port)


@pytest.fixture(scope="module")
def one_watch() -> _Watch:
    return _Watch()


@pytest.fixture
def watch(one_watch: _Watch) -> Iterator[_Watch]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        one_watch.port = free.getsockname()[1]
    one_watch.on = True
    yield one_watch
    one_watch.on = False


@pytest.fixture
def store_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The window's own place, below `tmp_path`/home."""
    monkeypatch.setenv("GEB_CHAT_HOME", str(tmp_path / "home"))
    return data_dir() / "conversations.sqlite3"


@pytest.fixture
def log(store_file: Path) -> Iterator[Path]:
    """The log as the command keeps it."""
    handler = LogFile(log_dir() / "geb.log")
    logging.getLogger().addHandler(handler)
    logging.getLogger("engine").setLevel(logging.INFO)
    yield log_dir() / "geb.log"
    logging.getLogger().removeHandler(handler)
    logging.getLogger("engine").setLevel(logging.NOTSET)
    handler.close()


def test_the_watch_refuses_what_would_leave(watch: _Watch) -> None:
    with socket.socket() as outside, pytest.raises(PermissionError):
        outside.connect(("192.0.2.1", 80))
    with pytest.raises(PermissionError):
        socket.getaddrinfo("example.org", 80)
    with socket.socket() as everywhere, pytest.raises(PermissionError):
        everywhere.bind(("0.0.0.0", watch.port))  # noqa: S104 - it is refused
    assert len(watch.refused) == 3
    watch.refused.clear()


def test_a_session_stays_here_and_is_private(
    open_window: OpenWindow, qtbot: QtBot, log: Path, tmp_path: Path, watch: _Watch
) -> None:
    """With every feature: nothing reaches out, no file is for others, no log quotes anything."""
    window = open_window(model=default_bundle_path())
    own = tmp_path / "own"
    own.mkdir()

    def wait(condition: Callable[[], object]) -> None:
        qtbot.waitUntil(lambda: bool(condition()), timeout=120_000)

    wait(lambda: window.chat.status.model.text() == "geb-nano")
    for _step in WholeSession(window, own, wait, watch.port).steps():
        assert watch.refused == []
    assert watch.seen > 0  # those of the server, which may
    logging.getLogger("engine").error("it failed", exc_info=ValueError(f"cannot read {SECRET}"))
    window.close()
    kept = [path for path in (tmp_path / "home").rglob("*") if not path.is_symlink()]
    kept.append(tmp_path / "window.ini")
    assert [path for path in kept if stat.S_IMODE(path.stat().st_mode) & 0o077] == []
    assert "ValueError" in log.read_text(encoding="utf-8")
    quoting = {p.name for p in kept if p.is_file() and SECRET.encode() in p.read_bytes()}
    assert quoting <= {"conversations.sqlite3", "library.sqlite3"}
