"""A run that did not end as it should is noticed by the next one."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot
from window_helpers import OpenWindow

from app.errors.log_window import LogWindow
from app.session import Session
from engine.resources import RESOURCES
from engine.store import Store

CRASH = """
import faulthandler, sys
from pathlib import Path
from app.session import Session
session = Session(Path(sys.argv[1]))
if sys.argv[2] == "fault":
    faulthandler._sigsegv()
session.end()
"""


def run(folder: Path, how: str) -> int:
    return subprocess.run(
        [sys.executable, "-c", CRASH, str(folder), how],
        cwd=RESOURCES.parent,
        stderr=subprocess.DEVNULL,
        check=False,
    ).returncode


def test_crashes_in_a_row_are_counted_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert run(tmp_path, "well") == 0
    assert run(tmp_path, "fault") != 0
    assert run(tmp_path, "fault") != 0
    with caplog.at_level(logging.ERROR):
        session = Session(tmp_path)
    assert session.crashes == 2
    session.end()
    assert "the last run crashed:\nFatal Python error: Segmentation fault" in caplog.text
    assert (tmp_path / "crash.log").stat().st_mode & 0o777 == 0o600
    again = Session(tmp_path)
    assert again.crashes == 0
    again.end()


@pytest.mark.parametrize("marker", ["", "{", "[]", json.dumps({"crashes": "x"})])
def test_a_damaged_marker_is_a_crash(tmp_path: Path, marker: str) -> None:
    (tmp_path / "running.json").write_text(marker)
    session = Session(tmp_path)
    assert session.crashes == 1
    session.end()


def test_after_a_crash_all_is_there_and_said(
    open_window: OpenWindow, store: Store, qtbot: QtBot
) -> None:
    conversation = store.create_conversation("Open before")
    store.set_draft(conversation.id, "half a thought")
    window = open_window(model=None, crashes=1)
    assert window.chat.conversation_id == conversation.id
    assert window.chat.composer.text() == "half a thought"
    assert window.chat.notice.text().startswith("GEB Chat did not end as it should last time.")
    press(window.chat.notice.findChildren(QPushButton), "Show the log")
    log = window.findChild(LogWindow)
    assert log is not None
    log.close()


def test_after_several_crashes_the_conversation_stays_closed_until_asked_for(
    open_window: OpenWindow, store: Store, tmp_path: Path
) -> None:
    conversation = store.create_conversation("Perhaps the reason")
    store.add_message(conversation.id, "user", "hello", parent_id=None)
    settings = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    settings.setValue("conversation", conversation.id)
    settings.sync()
    window = open_window(model=None, crashes=2)
    assert window.chat.conversation_id != conversation.id
    assert "several times" in window.chat.notice.text()
    press(window.chat.notice.findChildren(QPushButton), "Open it")
    assert window.chat.conversation_id == conversation.id


def test_layout_is_kept_while_the_window_is_open(
    open_window: OpenWindow, qtbot: QtBot, tmp_path: Path, store: Store
) -> None:
    first, _second = store.create_conversation("one"), store.create_conversation("two")
    window = open_window(model=None)
    window.sidebar.list.setCurrentIndex(window.sidebar.model.index_of(first.id))
    window.resize(701, 502)

    def stored() -> bool:
        settings = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
        return str(settings.value("conversation")) == str(first.id)

    qtbot.waitUntil(stored, timeout=10_000)
    (tmp_path / "window.ini").rename(tmp_path / "as-if-killed.ini")
    window.close()
    (tmp_path / "as-if-killed.ini").replace(tmp_path / "window.ini")
    again = open_window(model=None, size=None)
    assert (again.width(), again.height()) == (701, 502)


def press(buttons: list[QPushButton], text: str) -> None:
    next(button for button in buttons if button.text() == text).click()
