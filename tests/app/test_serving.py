"""Other programs, answered by the window's model: off by default, switched in the window."""

import json
import socket
import stat
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton
from window_helpers import OpenWindow

from app.serving.dialog import ApiDialog
from app.window import MainWindow
from engine.api.key import key_path, new_key, read_key
from engine.settings.table import API, API_PORT


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEB_CHAT_HOME", str(tmp_path / "home"))


@pytest.fixture
def port() -> int:
    """A port that is free now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
        return number


def call(port: int, path: str, key: str, body: object = None) -> Any:
    """Ask as a program does."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/{path}",
        headers={"Authorization": f"Bearer {key}"},
        data=None if body is None else json.dumps(body).encode(),
    )
    with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310
        return json.load(reply)


def dialog(window: MainWindow) -> ApiDialog:
    window.accompany().open_api()
    found = window.findChild(ApiDialog)
    assert found is not None
    return found


def press(dialog: ApiDialog, name: str) -> None:
    next(b for b in dialog.findChildren(QPushButton) if b.accessibleName() == name).click()


def test_off_by_default_and_nothing_listens(open_window: OpenWindow) -> None:
    window = open_window(model=None)
    assert window.accompany().api.address is None
    assert not window.chat.status.server.isVisible()
    shown = dialog(window)
    assert not shown.on.isChecked()
    assert shown.state.text() == "Off. No program can connect."
    shown.close()


def test_switched_on_it_answers_from_the_windows_model(
    open_window: OpenWindow, ready: Callable[[MainWindow], MainWindow], port: int
) -> None:
    window = ready(open_window())
    shown = dialog(window)
    shown.port.setValue(port)
    shown.on.click()
    assert shown.address.text() == f"http://127.0.0.1:{port}/v1"
    assert window.chat.status.server.isVisible()
    assert window.chat.status.server.text() == f"Answers other programs: port {port}"
    assert call(port, "models", read_key())["data"][0]["id"] == "tiny"
    answer = call(
        port,
        "chat/completions",
        read_key(),
        {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 3},
    )
    assert answer["usage"]["completion_tokens"] > 0
    shown.on.click()
    assert shown.address.text() == ""
    assert not window.chat.status.server.isVisible()
    with pytest.raises(urllib.error.URLError):
        call(port, "models", read_key())
    shown.close()


def test_the_key_is_hidden_copied_and_renewed(
    open_window: OpenWindow, ready: Callable[[MainWindow], MainWindow], port: int
) -> None:
    window = ready(open_window())
    window._service.settings.change({API_PORT.name: port, API.name: True})
    shown = dialog(window)
    first = read_key()
    assert shown.key.text() == first
    assert shown.key.echoMode() == QLineEdit.EchoMode.Password
    press(shown, "Copy the key")
    assert QApplication.clipboard().text() == first
    press(shown, "Copy the address")
    assert QApplication.clipboard().text() == f"http://127.0.0.1:{port}/v1"
    press(shown, "Make a new key; the old one stops working")
    second = read_key()
    assert shown.key.text() == second != first
    with pytest.raises(urllib.error.HTTPError, match="401"):
        call(port, "models", first)
    assert call(port, "models", second)["object"] == "list"
    assert stat.S_IMODE(key_path().stat().st_mode) == 0o600
    shown.close()


def test_a_taken_port_is_one_sentence_and_another_one_helps(
    open_window: OpenWindow, port: int
) -> None:
    window = open_window(model=None)
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        window._service.settings.change({API_PORT.name: taken, API.name: True})
        sentence = f"Port {taken} is in use by another program. Choose another port."
        shown = dialog(window)
        assert shown.state.text() == sentence
        assert window.chat.notice.text() == sentence
        assert shown.on.isChecked()
        shown.port.setValue(port)
        assert shown.state.text().startswith("On.")
        assert shown.address.text() == f"http://127.0.0.1:{port}/v1"
        shown.close()


def test_a_key_that_others_may_read_is_not_used(open_window: OpenWindow, port: int) -> None:
    new_key()
    key_path().chmod(0o644)
    window = open_window(model=None)
    window._service.settings.change({API_PORT.name: port, API.name: True})
    shown = dialog(window)
    assert "Other users of this computer may read the key" in shown.state.text()
    assert window.accompany().api.address is None
    press(shown, "Make a new key; the old one stops working")
    assert shown.state.text().startswith("On.")
    shown.close()


def test_it_starts_with_the_window_and_ends_with_it(open_window: OpenWindow, port: int) -> None:
    window = open_window(model=None)
    window._service.settings.change({API_PORT.name: port, API.name: True})
    assert window.accompany().api.address == f"http://127.0.0.1:{port}/v1"
    window.close()
    with socket.create_server(("127.0.0.1", port)):
        pass  # free again
