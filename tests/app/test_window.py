"""The window as a person uses it, with a real model on its real thread."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QLabel,
    QTextEdit,
    QWidget,
)
from pytestqt.qtbot import QtBot
from window_helpers import OpenWindow, SlowWorker, StalledWorker, answering, compose, views

from app import theme
from app.window import MainWindow
from engine.store import Store

Ready = Callable[[MainWindow], MainWindow]
Write = Callable[[MainWindow, str], None]


def test_window_is_usable_while_the_model_loads(
    open_window: OpenWindow, qtbot: QtBot, ready: Ready, write: Write, store: Store
) -> None:
    workers: list[StalledWorker] = []
    window = open_window(
        worker=lambda listener: workers.append(StalledWorker(listener)) or workers[0]
    )
    assert window.isVisible()
    assert window.chat.status.model.text() == "Loading model…"
    write(window, "hello")
    question, answer = views(window)
    assert question.text() == "hello"
    assert answer.note() == "Waiting for the model…"
    assert [m.content for m in store.thread(question.message.conversation_id)] == ["hello", ""]
    workers[0].go.set()
    ready(window)
    qtbot.waitUntil(lambda: not answering(window), timeout=20_000)
    assert answer.text()


def test_answer_streams_and_is_stored(
    open_window: OpenWindow, qtbot: QtBot, ready: Ready, write: Write, store: Store
) -> None:
    window = ready(open_window())
    write(window, "What is the capital of France?")
    assert window.chat.composer.text() == ""
    assert answering(window)
    qtbot.waitUntil(lambda: not answering(window), timeout=20_000)
    shown = [view.text() for view in views(window)]
    stored = store.thread(window.chat.conversation_id)
    assert [message.content for message in stored] == shown
    assert stored[1].status == "complete"
    assert "tokens/s" in window.chat.status.activity.text()
    assert "Context:" in window.chat.status.activity.text()
    assert window.header.title.accessibleName() == "What is the capital of France?"


@pytest.mark.parametrize("how", ["escape", "button"])
def test_stop_keeps_what_was_written(
    open_window: OpenWindow, qtbot: QtBot, ready: Ready, write: Write, store: Store, how: str
) -> None:
    window = ready(open_window(worker=SlowWorker))
    write(window, "hello")
    answer = views(window)[1]
    qtbot.waitUntil(lambda: bool(answer.text()), timeout=10_000)
    if how == "escape":
        qtbot.keyClick(window.chat.composer.edit, Qt.Key.Key_Escape)
    else:
        qtbot.mouseClick(window.chat.composer.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not answering(window), timeout=10_000)
    assert answer.note() == "Stopped."
    stored = store.message(answer.message.id)
    assert (stored.status, stored.content) == ("cancelled", answer.text())
    write(window, "again")
    assert answering(window)


def test_escape_belongs_to_a_composition_first(
    open_window: OpenWindow, qtbot: QtBot, ready: Ready, write: Write
) -> None:
    window = ready(open_window(worker=SlowWorker))
    write(window, "hello")
    compose(window.chat.composer.edit, "ni'hao")
    qtbot.keyClick(window.chat.composer.edit, Qt.Key.Key_Escape)
    qtbot.wait(100)
    assert answering(window)
    compose(window.chat.composer.edit, "")
    qtbot.keyClick(window.chat.composer.edit, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not answering(window), timeout=10_000)


def test_answer_goes_on_while_another_conversation_is_open(
    open_window: OpenWindow, qtbot: QtBot, ready: Ready, write: Write, store: Store
) -> None:
    window = ready(open_window(worker=SlowWorker))
    write(window, "first")
    first = window.chat.conversation_id
    qtbot.waitUntil(lambda: bool(views(window)[1].text()), timeout=10_000)
    qtbot.keyClick(window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    assert window.chat.conversation_id != first
    assert not answering(window)
    qtbot.wait(150)
    window.sidebar.list.setCurrentIndex(window.sidebar.model.index_of(first))
    qtbot.waitUntil(lambda: window.chat.conversation_id == first)
    assert answering(window)
    seen = views(window)[-1].text()
    window.chat.stop()
    qtbot.waitUntil(lambda: not answering(window), timeout=10_000)
    stored = store.thread(first)[1].content
    assert stored.startswith(seen)
    assert stored == views(window)[-1].text()


def test_closing_stops_and_stores_the_answer(
    open_window: OpenWindow, qtbot: QtBot, ready: Ready, write: Write, store: Store
) -> None:
    window = ready(open_window(worker=SlowWorker))
    write(window, "hello")
    answer = views(window)[1]
    qtbot.waitUntil(lambda: bool(answer.text()), timeout=10_000)
    shown = answer.text()
    window.close()
    stored = store.message(answer.message.id)
    assert stored.status == "cancelled"
    assert stored.content.startswith(shown)


def test_interrupted_answer_is_there_with_its_mark(open_window: OpenWindow, store: Store) -> None:
    conversation = store.create_conversation("Before the crash")
    question = store.add_message(conversation.id, "user", "你好", parent_id=None)
    store.add_message(
        conversation.id, "assistant", "你好，我是", parent_id=question.id, status="streaming"
    )
    window = open_window()
    assert [view.text() for view in views(window)] == ["你好", "你好，我是"]
    assert views(window)[1].note() == "Interrupted: the application ended before the answer did."


def test_missing_model_leaves_the_window_usable(
    open_window: OpenWindow, qtbot: QtBot, write: Write, store: Store, tmp_path: Path
) -> None:
    conversation = store.create_conversation("Old")
    store.add_message(conversation.id, "user", "readable", parent_id=None)
    window = open_window(model=tmp_path / "nowhere")
    qtbot.waitUntil(window.chat.notice.isVisible, timeout=10_000)
    assert str(tmp_path / "nowhere") in window.chat.notice.text()
    assert window.chat.status.model.text() == "No model"
    assert views(window)[0].text() == "readable"
    write(window, "a draft")
    assert window.chat.composer.text() == "a draft"
    assert not window.chat.composer.button.isEnabled()
    reasons = [label.text() for label in window.chat.composer.findChildren(QLabel)]
    assert reasons == ["Nothing can be sent: no model is loaded."]
    window.sidebar.new()
    assert len(store.list_conversations()) == 2
    assert store.draft(conversation.id) == "a draft"


def test_a_store_of_a_newer_version_is_shown_but_not_changed(
    open_window: OpenWindow,
    ready: Ready,
    write: Write,
    store_file: Path,
) -> None:
    with Store(store_file) as store:
        conversation = store.create_conversation("from the future")
        store.add_message(conversation.id, "user", "kept", parent_id=None)
    with closing(sqlite3.connect(store_file)) as connection:
        connection.execute("PRAGMA user_version = 99")
    window = ready(open_window())
    assert "newer version of GEB Chat" in window.chat.notice.text()
    window.chat.open(conversation.id)
    assert [view.message.content for view in views(window)] == ["kept"]
    window.chat.notice.dismiss()
    write(window, "more")
    assert "newer version of GEB Chat" in window.chat.notice.text()
    assert window.chat.composer.text() == "more"  # nothing is lost
    with Store(store_file) as store:
        assert len(store.thread(conversation.id)) == 1


def test_damaged_store_is_set_aside_and_said(open_window: OpenWindow, store_file: Path) -> None:
    store_file.write_bytes(b"no database" * 1000)
    window = open_window()
    kept = next(store_file.parent.glob("conversations-damaged-*"))
    assert str(kept) in window.chat.notice.text()
    assert kept.read_bytes() == b"no database" * 1000


def test_full_disk_keeps_the_text_in_the_composer(
    open_window: OpenWindow, ready: Ready, write: Write, store: Store
) -> None:
    window = ready(open_window())
    database = window._service.store._database
    pages = database.execute("PRAGMA page_count")[0][0]
    database.execute(f"PRAGMA max_page_count = {pages}")
    text = "long " * 2000
    window.chat.composer.set_text(text)
    window.chat.composer.send_requested.emit(text)
    assert "disk is full" in window.chat.notice.text()
    assert window.chat.composer.text() == text
    assert views(window) == []
    assert store.thread(window.chat.conversation_id) == []
    window.chat.composer.set_text("short")


def test_trimmed_context_is_said(
    open_window: OpenWindow, qtbot: QtBot, ready: Ready, write: Write, store: Store
) -> None:
    conversation = store.create_conversation("Long")
    parent = None
    for number in range(8):
        for role in ("user", "assistant"):
            message = store.add_message(
                conversation.id, role, f"{number} " + "word " * 30, parent_id=parent
            )
            parent = message.id
    window = ready(open_window())
    write(window, "hello")
    qtbot.waitUntil(lambda: not answering(window), timeout=20_000)
    assert "oldest messages no longer fit and were left out." in views(window)[-1].note()


def test_too_long_message_fails_with_a_sentence(
    open_window: OpenWindow, qtbot: QtBot, ready: Ready, store: Store
) -> None:
    window = ready(open_window())
    window.chat.composer.set_text("word " * 3000)
    qtbot.keyClick(window.chat.composer.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not answering(window), timeout=20_000)
    answer = views(window)[1]
    stored = store.message(answer.message.id)
    assert stored.status == "failed"
    assert answer.note() == stored.error != ""


def test_drafts_belong_to_their_conversations(open_window: OpenWindow, qtbot: QtBot) -> None:
    window = open_window(model=None)
    qtbot.keyClicks(window.chat.composer.edit, "one")
    first = window.chat.conversation_id
    qtbot.keyClick(window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    assert window.chat.composer.text() == ""
    qtbot.keyClicks(window.chat.composer.edit, "two")
    window.close()
    again = open_window(model=None)
    assert again.chat.composer.text() == "two"
    again.sidebar.list.setCurrentIndex(again.sidebar.model.index_of(first))
    assert again.chat.composer.text() == "one"


def test_draft_is_stored_soon_after_typing(
    open_window: OpenWindow, qtbot: QtBot, store: Store
) -> None:
    window = open_window(model=None)
    qtbot.keyClicks(window.chat.composer.edit, "unsent")
    qtbot.waitUntil(lambda: store.draft(window.chat.conversation_id) == "unsent", timeout=3000)


def test_layout_and_open_conversation_are_remembered(open_window: OpenWindow, store: Store) -> None:
    older, _newer = store.create_conversation("older"), store.create_conversation("newer")
    window = open_window(model=None, size=(700, 500))
    window._splitter.setSizes([230, 470])
    window.sidebar.list.setCurrentIndex(window.sidebar.model.index_of(older.id))
    sizes = window._splitter.sizes()
    window.close()
    again = open_window(model=None, size=None)
    assert (again.width(), again.height()) == (700, 500)
    assert again._splitter.sizes() == sizes
    assert again.chat.conversation_id == older.id


def test_colours_follow_the_system_while_running(
    open_window: OpenWindow, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(model=None)
    hints = qapp.styleHints()
    with monkeypatch.context() as patch:
        patch.setattr(type(hints), "colorScheme", lambda _self: Qt.ColorScheme.Dark)
        hints.colorSchemeChanged.emit(Qt.ColorScheme.Dark)
        dark = window.palette().color(QPalette.ColorRole.Window).name()
    hints.colorSchemeChanged.emit(Qt.ColorScheme.Light)
    light = window.palette().color(QPalette.ColorRole.Window).name()
    assert (dark, light) == (theme.DARK.page, theme.LIGHT.page)


def test_every_control_has_a_name(open_window: OpenWindow, ready: Ready, write: Write) -> None:
    window = ready(open_window(worker=SlowWorker))
    write(window, "hello")
    window.sidebar.delete_action.trigger()
    kinds = (QAbstractButton, QTextEdit, QAbstractItemView)
    controls = [
        widget
        for widget in window.findChildren(QWidget)
        if isinstance(widget, kinds) and widget.isVisible()
    ]
    assert len(controls) > 6
    nameless = [
        widget
        for widget in controls
        if not widget.accessibleName()
        and not (isinstance(widget, QAbstractButton) and widget.text())
    ]
    assert nameless == []


def test_tab_walks_through_the_controls(
    open_window: OpenWindow, qtbot: QtBot, ready: Ready
) -> None:
    window = ready(open_window())
    window.chat.composer.set_text("something to send")
    window.chat.composer.edit.setFocus()
    walked: list[QWidget | None] = []
    for _ in range(9 + len(window.header.buttons)):
        walked.append(QApplication.focusWidget())
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    assert walked == [
        window.chat.composer.edit,
        window.desk.scope,
        window.chat.composer.button,
        window.chat.status.model,
        window.sidebar.new_button,
        window.sidebar.search.field,
        window.sidebar.list,
        window.documents_button,
        window.settings_button,
        *window.header.buttons,
    ]


def test_ctrl_q_closes(open_window: OpenWindow, qtbot: QtBot) -> None:
    window = open_window(model=None)
    qtbot.keyClick(window, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    assert not window.isVisible()
