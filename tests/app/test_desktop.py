"""The window's process as a desktop sees it: input method, language, signals, sudden death."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QMessageBox, QTextEdit
from pytestqt.qtbot import QtBot
from window_helpers import OpenWindow, views

from app.desktop import choose_input_method, translate_qt
from app.opening import open_window
from app.single_instance import Request
from engine.i18n import set_language
from engine.paths import store_path
from engine.resources import RESOURCES
from engine.store import Message, Store

# The real application, with an engine that takes 50 ms a token and a message that is sent at once.
DRIVER = """
import sys, time
from pathlib import Path
from app import startup, window
from app.single_instance import Instance, Request
from engine.events import Token
from engine.worker import EngineWorker

def slow_worker(on_event, **options):
    slowly = lambda e: (isinstance(e, Token) and time.sleep(0.05), on_event(e))
    return EngineWorker(slowly, **options)

startup.EngineWorker = slow_worker
load = window.MainWindow.load_model
def load_and_send(self, path):
    load(self, path)
    self.chat.send("What is the capital of France?")
window.MainWindow.load_model = load_and_send
sys.exit(startup.run(Request(model=Path(sys.argv[1])), Instance()))
"""


@pytest.fixture
def answering_process(tmp_path: Path, tiny_bundle: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A window in a process of its own that is writing an answer."""
    environment = {**os.environ, "GEB_CHAT_HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(tiny_bundle)], env=environment, cwd=RESOURCES.parent
    )
    yield process
    process.kill()
    process.wait()


def wait_for_partial_answer(process: subprocess.Popen[bytes], store_file: Path) -> list[Message]:
    """Wait until some of the answer is on the disk, and return the messages."""
    thread: list[Message] = []
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        time.sleep(0.1)
        if not store_file.exists():
            continue
        with Store(store_file) as store:
            for conversation in store.list_conversations():
                thread = store.thread(conversation.id)
                if len(thread) == 2 and thread[1].content:
                    return thread
    raise AssertionError(f"no answer came; process: {process.poll()}, stored: {thread}")


def test_killed_window_leaves_the_partial_answer(
    answering_process: subprocess.Popen[bytes], tmp_path: Path, open_window: OpenWindow
) -> None:
    store_file = tmp_path / "data" / "conversations.sqlite3"
    question, answer = wait_for_partial_answer(answering_process, store_file)
    answering_process.kill()
    answering_process.wait()
    for file in store_file.parent.glob("conversations.sqlite3*"):
        file.rename(tmp_path / file.name)
    opened = open_window(model=None)
    assert views(opened)[0].text() == question.content == "What is the capital of France?"
    assert views(opened)[1].text().startswith(answer.content)
    assert views(opened)[1].note().startswith("Interrupted")


def test_log_out_stops_and_stores_the_answer(
    answering_process: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    store_file = tmp_path / "data" / "conversations.sqlite3"
    _question, answer = wait_for_partial_answer(answering_process, store_file)
    answering_process.send_signal(signal.SIGTERM)
    assert answering_process.wait(timeout=120) == 0
    with Store(store_file) as store:
        stored = store.message(answer.id)
    assert stored.status == "cancelled"
    assert stored.content.startswith(answer.content)
    assert (tmp_path / "config" / "window.ini").exists()


@pytest.mark.parametrize("broken", ["home", "store"])
def test_unusable_folders_are_said_in_a_dialog(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, broken: str
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("GEB_CHAT_HOME", str(home))
    if broken == "store":
        store_path().mkdir()
    else:
        home.write_text("a file, no folder")
    said: list[str] = []
    monkeypatch.setattr(QMessageBox, "critical", lambda _parent, _title, text: said.append(text))
    assert open_window(Request()) == 1
    assert len(said) == 1
    assert str(home) in said[0]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"XMODIFIERS": "@im=fcitx"}, "ibus"),
        ({"XMODIFIERS": "@im=fcitx", "QT_IM_MODULE": "fcitx"}, "ibus"),
        ({"XMODIFIERS": "@im=fcitx", "QT_IM_MODULE": "compose"}, "compose"),
        ({"XMODIFIERS": "@im=fcitx", "WAYLAND_DISPLAY": "wayland-0"}, None),
        ({"XMODIFIERS": "@im=ibus"}, None),
        ({}, None),
    ],
)
def test_fcitx_is_reached_through_ibus(
    environment: dict[str, str], expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XMODIFIERS", "QT_IM_MODULE", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    choose_input_method()
    assert os.environ.get("QT_IM_MODULE") == expected


@pytest.fixture
def chinese(qapp: QApplication) -> Iterator[None]:
    set_language("zh_CN")
    translate_qt(qapp)
    yield
    set_language("en")
    translate_qt(qapp)


def test_window_speaks_chinese(chinese: None, open_window: OpenWindow, qtbot: QtBot) -> None:
    opened = open_window()
    assert opened.chat.composer.edit.placeholderText() == "输入消息"
    assert opened.sidebar.new_button.text() == "新对话"
    editor = QTextEdit()
    qtbot.addWidget(editor)
    menu = editor.createStandardContextMenu()
    assert any("复制" in action.text() for action in menu.actions())
    menu.deleteLater()
