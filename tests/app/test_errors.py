"""Unexpected errors: said in human words, with details that hold nothing private; the log."""

import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QTimer, QUrl, qWarning
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot
from window_helpers import OpenWindow

from app.errors.hooks import ErrorHooks
from app.errors.log_window import LogWindow
from app.errors.report import report_of, scrub
from app.window import MainWindow
from engine.errors import StoreError
from engine.paths import log_dir

SECRET = "秘密 of the user"


def fail(text: str) -> BaseException:
    """Return an error as it arises where private text is handled."""
    try:
        try:
            {}[text]
        except KeyError as error:
            raise ValueError(f"cannot use {text}") from error
    except ValueError as error:
        return error


def dialogs(window: MainWindow) -> list[QMessageBox]:
    return [box for box in window.findChildren(QMessageBox) if box.isVisible()]


def button(box: QMessageBox, text: str) -> QPushButton:
    return next(b for b in box.findChildren(QPushButton) if b.text() == text)


def test_details_name_places_and_nothing_private(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/zhang.san")
    monkeypatch.setenv("LOGNAME", "zhang.san")
    details = report_of(fail(SECRET))
    assert "ValueError\n  tests/app/test_errors.py:" in details
    assert "after:\nKeyError" in details
    assert "in fail" in details
    for private in (SECRET, "秘密", "zhang", "/home", str(Path(__file__).parents[2])):
        assert private not in details


def test_details_keep_the_systems_words_and_our_own() -> None:
    assert "No space left on device" in report_of(OSError(28, "No space", "/home/a/secret.txt"))
    details = report_of(StoreError("The title {title} is taken.", title=SECRET))
    assert "engine.errors.StoreError: The title {title} is taken." in details
    assert "secret" not in report_of(OSError(28, "No space", "/home/a/secret.txt"))


def test_user_and_home_are_scrubbed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/lee")
    monkeypatch.setenv("LOGNAME", "lee")
    assert scrub("/home/lee/a.txt of lee, sleeping") == "~/a.txt of USER, sleeping"


@pytest.fixture
def window(open_window: OpenWindow) -> MainWindow:
    return open_window(model=None)


def test_an_error_is_said_once_and_the_window_goes_on(window: MainWindow, qtbot: QtBot) -> None:
    error = fail(SECRET)
    window.show_unexpected(error)
    window.show_unexpected(fail("another one meanwhile"))
    (box,) = dialogs(window)
    assert box.text() == "Something unexpected went wrong, but you can go on."
    button(box, "Copy details").click()
    assert box.isVisible()
    assert QApplication.clipboard().text() == report_of(error)
    box.close()
    window.show_unexpected(error)  # a paint event may fail sixty times a second
    assert dialogs(window) == []
    window.show_unexpected(RuntimeError("another kind"))
    (box,) = dialogs(window)
    button(box, "Show the log").click()
    box.close()
    log = window.findChild(LogWindow)
    assert log is not None
    assert log.isVisible()
    log.close()
    qtbot.keyClicks(window.chat.composer.edit, "still here")
    assert window.chat.composer.text() == "still here"


@pytest.fixture
def seen(qapp: QApplication, request: pytest.FixtureRequest) -> Iterator[list[BaseException]]:
    """What the hooks bring to the GUI thread; pytest-qt's own are set aside."""
    errors: list[BaseException] = []
    parent = QObject()
    hooks = ErrorHooks(errors.append, lambda: errors.append(KeyboardInterrupt()), parent)
    yield errors
    hooks.remove()


@pytest.mark.qt_no_exception_capture
def test_errors_of_slots_and_threads_arrive_and_are_logged(
    seen: list[BaseException], qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    def slot() -> None:
        raise ValueError("from a slot")

    def work() -> None:
        raise OSError("from a thread")

    QTimer.singleShot(0, slot)
    qtbot.waitUntil(lambda: len(seen) == 1)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: len(seen) == 2)
    assert [type(error) for error in seen] == [ValueError, OSError]
    assert caplog.text.count("unexpected error") == 2
    assert "from a slot" in caplog.text


@pytest.mark.qt_no_exception_capture
def test_ctrl_c_is_no_error(seen: list[BaseException], caplog: pytest.LogCaptureFixture) -> None:
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert [type(error) for error in seen] == [KeyboardInterrupt]
    assert caplog.text == ""


@pytest.mark.qt_no_exception_capture
def test_what_qt_complains_of_is_logged(
    seen: list[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    qWarning("a word from Qt")
    assert ("qt", logging.WARNING, "a word from Qt") in caplog.record_tuples
    assert seen == []


def test_the_log_is_viewed_copied_and_found(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GEB_CHAT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", "/home/zhang.san")
    (log_dir() / "geb.log").write_text(
        "old\n" * 100_000 + "last: /home/zhang.san/a.txt", encoding="utf-8"
    )
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    window.open_log()
    log = window.findChild(LogWindow)
    assert log is not None
    assert log.text.toPlainText().endswith("last: /home/zhang.san/a.txt")
    assert len(log.text.toPlainText()) < 210_000
    buttons = {button.text(): button for button in log.findChildren(QPushButton)}
    buttons["Copy"].click()
    assert QApplication.clipboard().text().endswith("last: ~/a.txt")
    buttons["Open folder"].click()
    assert opened == [QUrl.fromLocalFile(str(log_dir()))]
    (log_dir() / "geb.log").unlink()
    buttons["Refresh"].click()
    assert log.text.toPlainText() == "The log is empty."
    log.close()
