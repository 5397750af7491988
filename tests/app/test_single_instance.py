"""A second start raises the first window; what is left of a crash, or hangs, stops nobody."""

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Qt
from pytestqt.qtbot import QtBot
from window_helpers import OpenWindow

from app import single_instance
from app.instance_server import InstanceServer
from app.single_instance import Instance, NoAnswerError, Request
from engine.resources import RESOURCES

HOLD = """
import sys, time
from app.single_instance import Instance, Request
assert Instance().claim(Request())
print("holding", flush=True)
time.sleep(600)
"""

# As `geb` does, but with patience for a busy computer; and Qt is never loaded.
SECOND = """
import sys
from app import cli, single_instance
claim = single_instance.Instance.claim
single_instance.Instance.claim = lambda self, request: claim(self, request, seconds=120)
status = cli.main([])
assert not [module for module in sys.modules if "PySide6" in module]
sys.exit(status)
"""


@pytest.fixture(autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime folder and a home of the test's own, with short paths."""
    folder = tmp_path_factory.mktemp("r")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("GEB_CHAT_HOME", str(folder / "home"))
    return folder


@pytest.fixture
def holder() -> Iterator[subprocess.Popen[str]]:
    """Another process that is the first, and hangs."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD], cwd=RESOURCES.parent, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "holding\n"
    yield process
    process.kill()
    process.communicate()


def test_a_request_survives_the_wire() -> None:
    request = Request([Path("/a/对话.json"), Path("/b c")], Path("/m"), "token")
    assert Request.decode(request.encode()) == request
    assert Request.decode(Request().encode()) == Request([])


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b'{"files": 3}', b"\xff\n", b"null\n"])
def test_nonsense_is_no_request(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (several kinds)
        Request.decode(line)


def test_the_second_start_hands_over_and_the_window_comes_to_the_front(
    open_window: OpenWindow, qtbot: QtBot, tiny_bundle: Path
) -> None:
    window = open_window(model=None)
    window.showMinimized()
    first = Instance()
    assert first.claim(Request())
    server = InstanceServer(first.socket_path, window)
    server.requested.connect(window.raise_for)
    claims: list[bool] = []
    request = Request(model=tiny_bundle, activation="token")
    second = threading.Thread(target=lambda: claims.append(Instance().claim(request)))
    second.start()
    qtbot.waitUntil(lambda: bool(claims), timeout=20_000)
    second.join()
    assert claims == [False]
    assert not window.windowState() & Qt.WindowState.WindowMinimized
    qtbot.waitUntil(lambda: window.chat.status.model.text() == "tiny", timeout=20_000)
    assert os.environ.pop("XDG_ACTIVATION_TOKEN") == "token"
    server.close()
    first.release()


def test_lock_and_socket_are_private(runtime: Path) -> None:
    first = Instance()
    assert first.claim(Request())
    parent = QObject()
    server = InstanceServer(first.socket_path, parent)
    folder = first.socket_path.parent
    assert folder == runtime / "geb-chat"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(f.stat().st_mode) & 0o077 for f in folder.iterdir()] == [0, 0]
    server.close()
    first.release()


def test_a_crashed_first_one_is_forgotten(holder: subprocess.Popen[str], qtbot: QtBot) -> None:
    instance = Instance()
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(instance.socket_path))
    holder.kill()
    holder.wait()
    assert instance.claim(Request(), seconds=0)
    parent = QObject()
    server = InstanceServer(instance.socket_path, parent)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(instance.socket_path))  # it listens in place of the old one
    server.close()
    instance.release()


def test_a_hung_first_one_is_named(holder: subprocess.Popen[str]) -> None:
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(Instance().socket_path))
        deaf.listen()
        with pytest.raises(NoAnswerError, match="does not answer") as raised:
            Instance().claim(Request(), seconds=0.3)
    assert raised.value.pid == holder.pid


def test_a_first_one_that_is_just_ending_is_waited_for(holder: subprocess.Popen[str]) -> None:
    threading.Timer(0.3, holder.send_signal, [signal.SIGKILL]).start()
    instance = Instance()
    assert instance.claim(Request())
    instance.release()


def test_homes_of_their_own_have_windows_of_their_own(
    holder: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GEB_CHAT_HOME", str(tmp_path / "elsewhere"))
    instance = Instance()
    assert instance.claim(Request(), seconds=0)
    instance.release()


def test_a_folder_of_somebody_else_is_not_used(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_instance, "_owned", lambda _folder: False)
    assert Instance().socket_path.parent == runtime / "home" / "config"


def test_an_open_folder_is_not_used(runtime: Path) -> None:
    (runtime / "geb-chat").mkdir()
    (runtime / "geb-chat").chmod(0o755)
    assert Instance().socket_path.parent == runtime / "home" / "config"


def test_a_client_that_talks_nonsense_is_dropped(qtbot: QtBot, runtime: Path) -> None:
    parent = QObject()
    server = InstanceServer(runtime / "s", parent)
    heard: list[Request] = []
    server.requested.connect(heard.append)
    for line in (b"nonsense\n", b"x" * 2_000_000):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            client.connect(str(runtime / "s"))
            talking = threading.Thread(target=send, args=(client, line))
            talking.start()
            qtbot.waitUntil(lambda talking=talking: not talking.is_alive(), timeout=20_000)  # type: ignore[misc]
            talking.join()
    assert heard == []
    server.close()


def send(client: socket.socket, data: bytes) -> None:
    """Say `data` and listen until the other side hangs up."""
    try:
        client.sendall(data)
        assert client.recv(10) == b""
    except (BrokenPipeError, ConnectionResetError):
        pass


def test_two_starts_open_one_window(runtime: Path, qtbot: QtBot) -> None:
    """Real processes, from the command to the end."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "LANG": "C.UTF-8"}
    run = {"env": environment, "cwd": RESOURCES.parent}
    first = subprocess.Popen([sys.executable, "-m", "app.cli"], **run)
    try:
        sockets = (runtime / "geb-chat").glob
        qtbot.waitUntil(lambda: any(sockets("*.socket")), timeout=120_000)
        second = subprocess.run([sys.executable, "-c", SECOND], check=False, **run)
        assert second.returncode == 0
        assert first.poll() is None
    finally:
        first.terminate()
        assert first.wait(120) == 0
    assert not (runtime / "home" / "log" / "running.json").exists()
