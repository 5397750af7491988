"""The icon in the tray, where there is a tray, and the small window for a quick question."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QSystemTrayIcon
from pytestqt.qtbot import QtBot
from window_helpers import OpenWindow, answering, views

from app.quick_ask import QuickAsk
from app.window import MainWindow
from engine.settings.table import TRAY
from engine.store import Store

# The offscreen platform lacks what the tray of X11 listens to.
pytestmark = pytest.mark.qt_log_ignore("systemTrayWindowChanged", extend=True)


@pytest.fixture
def with_tray(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that has a tray; the offscreen one has none."""
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: True)


def set_tray(window: MainWindow, on: bool) -> None:
    window.accompany()
    window._service.settings.set(TRAY, on)


def quick_ask(window: MainWindow, qtbot: QtBot) -> QuickAsk:
    window.accompany().open_quick_ask()
    found = next(w for w in QApplication.topLevelWidgets() if isinstance(w, QuickAsk))
    qtbot.waitUntil(lambda: QApplication.focusWidget() is found.edit, timeout=60_000)
    return found


def test_no_icon_by_default_nor_without_a_tray(open_window: OpenWindow) -> None:
    window = open_window(model=None)
    assert not window.accompany().tray.shown
    set_tray(window, True)
    assert not window.accompany().tray.shown
    window.close()
    assert window.accompany().tray.shown is False


@pytest.mark.usefixtures("with_tray")
def test_closing_leaves_the_application_in_the_tray(open_window: OpenWindow, qtbot: QtBot) -> None:
    window = open_window(model=None)
    set_tray(window, True)
    tray = window.accompany().tray
    assert tray.shown
    qtbot.keyClicks(window.chat.composer.edit, "a draft")
    window.close()
    assert not window.isVisible()
    show, _ask, _separator, quit_ = tray.menu.actions()
    show.trigger()
    assert window.isVisible()
    assert window.chat.composer.text() == "a draft"
    with qtbot.waitSignal(window.ended):
        quit_.trigger()
    assert not tray.shown


@pytest.mark.usefixtures("with_tray")
def test_without_the_icon_closing_ends_again(open_window: OpenWindow, qtbot: QtBot) -> None:
    window = open_window(model=None)
    set_tray(window, True)
    set_tray(window, False)
    with qtbot.waitSignal(window.ended):
        window.close()


def test_a_quick_question_is_answered_there_and_kept(
    open_window: OpenWindow,
    qtbot: QtBot,
    ready: Callable[[MainWindow], MainWindow],
    store: Store,
) -> None:
    window = ready(open_window())
    small = quick_ask(window, qtbot)
    qtbot.keyClicks(small.edit, "What is the capital of France?")
    qtbot.keyClick(small.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not answering(window) and small.edit.isEnabled(), timeout=60_000)
    question, answer = store.thread(window.chat.conversation_id)
    assert question.content == "What is the capital of France?"
    assert answer.status == "complete"
    assert small.answer().split() == views(window)[1]._answer.plain_text().split()
    small.go_on.click()
    assert not small.isVisible()
    qtbot.waitUntil(window.isActiveWindow, timeout=60_000)
    again = quick_ask(window, qtbot)
    assert again.edit.text() == ""
    qtbot.keyClick(again.edit, Qt.Key.Key_Escape)
    assert not again.isVisible()


def test_a_quick_question_that_fails_says_why(
    open_window: OpenWindow,
    qtbot: QtBot,
    ready: Callable[[MainWindow], MainWindow],
    store: Store,
) -> None:
    window = ready(open_window())
    small = quick_ask(window, qtbot)
    small.edit.setText("word " * 3000)
    qtbot.keyClick(small.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(small.edit.isEnabled, timeout=60_000)
    failed = store.thread(window.chat.conversation_id)[1]
    assert small.state.text() == failed.error != ""
    small.close()
