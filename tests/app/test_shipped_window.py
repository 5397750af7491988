"""The shipped model, through the real thread, into a real window."""

from collections.abc import Callable

from pytestqt.qtbot import QtBot
from window_helpers import OpenWindow, answering, views

from app.window import MainWindow
from engine.bundle import default_bundle_path
from engine.store import Store


def test_the_shipped_model_answers_in_the_window(
    open_window: OpenWindow, qtbot: QtBot, write: Callable[[MainWindow, str], None], store: Store
) -> None:
    folder = default_bundle_path()
    window = open_window(model=folder)
    qtbot.waitUntil(lambda: window.chat.status.model.text() == folder.name, timeout=20_000)
    write(window, "Who are you?")
    qtbot.waitUntil(lambda: not answering(window), timeout=30_000)
    answer = store.thread(window.chat.conversation_id)[1]
    assert answer.status == "complete"
    assert "GEB" in answer.content
    assert views(window)[1].text() == answer.content
