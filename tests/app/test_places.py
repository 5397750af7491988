"""Where the reader was, how full the context is, and how fast words come."""

from collections.abc import Callable

import pytest
from pytestqt.qtbot import QtBot
from test_versions import conversation
from window_helpers import OpenWindow, answering

from app.status import StatusLine
from app.window import MainWindow
from engine.events import PrefillProgress
from engine.store import Store

Ready = Callable[[MainWindow], MainWindow]
Write = Callable[[MainWindow, str], None]


def long_chat(store: Store, count: int = 80) -> list[int]:
    return [m.id for m in conversation(store, *(f"text {n} " + "word " * 60 for n in range(count)))]


def test_place_is_kept_soon_after_scrolling(
    open_window: OpenWindow, qtbot: QtBot, store: Store
) -> None:
    long_chat(store)
    window = open_window(model=None)
    transcript = window.chat.transcript
    for _ in range(3):
        transcript.verticalScrollBar().setValue(10)
    anchor = transcript.anchor()
    qtbot.waitUntil(lambda: store.state("places") is not None, timeout=5_000)
    kept = store.state("places")  # nothing was closed: so it is there after a crash, too
    assert kept == [[window.chat.conversation_id, *anchor]]
    again = open_window(model=None)
    qtbot.waitUntil(lambda: again.chat.transcript.anchor() == anchor, timeout=5_000)
    assert again.chat.transcript.view(anchor.message_id) is not None


def test_each_conversation_has_its_place(open_window: OpenWindow, store: Store) -> None:
    long_chat(store)
    long_chat(store)
    window = open_window(model=None)
    transcript, second = window.chat.transcript, window.chat.conversation_id
    transcript.verticalScrollBar().setValue(400)
    place = transcript.anchor()
    [first] = [c.id for c in store.list_conversations() if c.id != second]
    window.sidebar.ensure_open(first)
    assert transcript.anchor() is None  # at the end
    window.sidebar.ensure_open(second)
    assert transcript.anchor() == place


def test_unreadable_places_are_forgotten(open_window: OpenWindow, store: Store) -> None:
    long_chat(store, 4)
    for value in ({"a": 1}, [[1, 2]], [["x", 2, 3]], [[1, None, 2], 7]):
        store.set_state("places", value)
        window = open_window(model=None)
        assert window.chat.transcript.anchor() is None
        window.close()


def test_context_meter_shows_the_share_and_what_was_left_out(
    open_window: OpenWindow, qtbot: QtBot, ready: Ready, write: Write, store: Store
) -> None:
    conversation(store, *("word " * 30 for _ in range(16)))
    window = ready(open_window())
    assert not window.chat.status.meter.isVisible()
    write(window, "hello")
    qtbot.waitUntil(lambda: window.chat.status.meter.isVisible(), timeout=20_000)
    qtbot.waitUntil(lambda: not answering(window), timeout=20_000)
    meter = window.chat.status.meter
    assert 0.3 < meter.share <= 1
    assert "oldest messages no longer fit and were left out." in meter.toolTip()
    assert meter.accessibleName() == meter.toolTip()
    window.sidebar.new()
    assert not meter.isVisible()


def test_prefill_then_speed_are_shown(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [10.0]
    monkeypatch.setattr("app.status.perf_counter", lambda: clock[0])
    status = StatusLine()
    qtbot.addWidget(status)
    status.show_model("m", 4096)
    status.show_prefill(PrefillProgress(1, 1240, 3000))
    assert status.activity.text() == "Reading 1,240 of 3,000 tokens…"
    status.show_answering(1)
    assert status.activity.text() == "Answering…"
    for _ in range(8):
        clock[0] += 0.25
        status.show_answering(2)
    assert status.activity.text() == "8.5 tokens/s"
    assert status.meter.toolTip() == "Context: 3,017 of 4,096 tokens"
