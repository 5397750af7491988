"""The list of conversations."""

import time
from collections.abc import Callable
from datetime import date, datetime

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QAction, QContextMenuEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu, QMessageBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot
from window_helpers import OpenWindow

from app.sidebar.days import with_headings
from app.sidebar.deleted import DeletedDialog
from app.sidebar.model import IS_HEADING, PAGE, ConversationModel
from app.texts import show_all_again
from app.window import MainWindow
from engine.i18n import set_language
from engine.store import Conversation, Store


def rows(window: MainWindow) -> list[str]:
    model = window.sidebar.model
    return [model.index(row).data() for row in range(model.rowCount())]


def titles(window: MainWindow) -> list[str]:
    model = window.sidebar.model
    indexes = [model.index(row) for row in range(model.rowCount())]
    return [index.data() for index in indexes if not index.data(IS_HEADING)]


def filled(store: Store, *titles: str) -> list[Conversation]:
    """Make conversations with a message each; the last one is the newest."""
    conversations = [store.create_conversation(title) for title in titles]
    for conversation in conversations:
        store.add_message(conversation.id, "user", f"in {conversation.title}", parent_id=None)
    return conversations


def used_at(store: Store, conversation: Conversation, when: float) -> None:
    store._database.execute(
        "UPDATE conversations SET updated_at = ? WHERE id = ?", (when, conversation.id)
    )


def choose(window: MainWindow, title: str, action: str) -> None:
    """Choose an action from the menu of a row, as a right click does."""
    place = window.sidebar.list.visualRect(index_of(window, title)).center()
    view = window.sidebar.list.viewport()
    reason = QContextMenuEvent.Reason.Mouse
    QApplication.sendEvent(view, QContextMenuEvent(reason, place, view.mapToGlobal(place)))
    menu = next(m for m in window.sidebar.findChildren(QMenu) if m.isVisible())
    chosen = next(a for a in menu.actions() if a.text() == action)
    menu.close()
    window.activateWindow()
    chosen.trigger()


def index_of(window: MainWindow, title: str) -> QModelIndex:
    model = window.sidebar.model
    return next(
        model.index(row) for row in range(model.rowCount()) if model.index(row).data() == title
    )


def undo(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.mouseClick(window.sidebar.undo.findChild(QPushButton), Qt.MouseButton.LeftButton)


def test_first_start_opens_an_empty_conversation(open_window: OpenWindow, store: Store) -> None:
    window = open_window(model=None)
    assert titles(window) == ["New conversation"]
    assert window.chat.conversation_id == store.list_conversations()[0].id


def test_new_uses_an_unused_conversation_again(
    open_window: OpenWindow, qtbot: QtBot, store: Store
) -> None:
    window = open_window(model=None)
    qtbot.mouseClick(window.sidebar.new_button, Qt.MouseButton.LeftButton)
    assert len(store.list_conversations()) == 1
    assert window.chat.composer.edit.hasFocus()


def test_rename_in_place(open_window: OpenWindow, qtbot: QtBot, store: Store) -> None:
    store.create_conversation("before")
    window = open_window(model=None)
    qtbot.keyClick(window, Qt.Key.Key_F2)
    editor = window.sidebar.list.findChild(QLineEdit)
    assert editor.text() == "before"
    editor.setText("  后来的\t title ")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: store.list_conversations()[0].title == "后来的 title")
    assert titles(window) == ["后来的 title"]
    assert window.header.title.accessibleName() == "后来的 title"


def test_empty_title_is_not_taken(open_window: OpenWindow, qtbot: QtBot, store: Store) -> None:
    store.create_conversation("before")
    window = open_window(model=None)
    window.sidebar.rename_action.trigger()
    editor = window.sidebar.list.findChild(QLineEdit)
    editor.clear()
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert store.list_conversations()[0].title == "before"


def test_delete_key_deletes_and_undo_brings_back(
    open_window: OpenWindow, qtbot: QtBot, store: Store
) -> None:
    for title in ("third", "second", "first"):
        conversation = store.create_conversation(title)
        store.add_message(conversation.id, "user", f"in {title}", parent_id=None)
    window = open_window(model=None)
    window.sidebar.list.setFocus()
    qtbot.keyClick(window.sidebar.list, Qt.Key.Key_Delete)
    assert titles(window) == ["second", "third"]
    assert window.chat.conversation_id == store.list_conversations()[0].id
    assert window.sidebar.undo.text() == "Deleted “first”."
    undo(window, qtbot)
    assert titles(window) == ["first", "second", "third"]
    assert window.chat.conversation_id == conversation.id
    assert not window.sidebar.undo.isVisible()


def test_delete_key_in_the_composer_deletes_text(
    open_window: OpenWindow, qtbot: QtBot, store: Store
) -> None:
    window = open_window(model=None)
    window.chat.composer.set_text("ab")
    window.chat.composer.edit.moveCursor(window.chat.composer.edit.textCursor().MoveOperation.Start)
    qtbot.keyClick(window.chat.composer.edit, Qt.Key.Key_Delete)
    assert window.chat.composer.text() == "b"
    assert len(store.list_conversations()) == 1


def test_deleting_the_last_conversation_opens_an_empty_one(
    open_window: OpenWindow, qtbot: QtBot, store: Store
) -> None:
    only = store.create_conversation("only")
    window = open_window(model=None)
    qtbot.keyClicks(window.chat.composer.edit, "draft of the deleted one")
    window.sidebar.delete_action.trigger()
    assert titles(window) == ["New conversation"]
    assert window.chat.composer.text() == ""
    undo(window, qtbot)
    assert window.chat.conversation_id == only.id
    assert window.chat.composer.text() == "draft of the deleted one"


def test_conversation_deleted_elsewhere_is_said(open_window: OpenWindow, store: Store) -> None:
    gone = store.create_conversation("gone")
    kept = store.create_conversation("kept")
    window = open_window(model=None)
    store.delete(gone.id)
    window.sidebar.list.setCurrentIndex(window.sidebar.model.index_of(gone.id))
    assert "no conversation" in window.chat.notice.text()
    assert window.chat.conversation_id == kept.id


DAY = 24 * 3600


def test_days_are_headings(store: Store) -> None:
    today = date(2026, 11, 28)
    noon = datetime(2026, 11, 28, 12).timestamp()
    days = {"new": -1, "today": 0, "before": 1, "week": 7, "month": 8, "year": 400, "top": 50}
    conversations = filled(store, *reversed(days))
    for conversation in conversations:
        used_at(store, conversation, noon - days[conversation.title] * DAY)
    store.set_pinned(conversations[0].id, pinned=True)
    listed = with_headings(store.list_conversations(), today)
    assert [row if isinstance(row, str) else (row.title,) for row in listed] == [
        *("Pinned", ("top",)),
        *("Today", ("new",), ("today",)),
        *("Yesterday", ("before",)),
        *("Previous 7 days", ("week",)),
        *("November 2026", ("month",)),
        *("October 2025", ("year",)),
    ]


def test_headings_are_skipped_by_keys_and_clicks(
    open_window: OpenWindow, qtbot: QtBot, store: Store
) -> None:
    old, _new = filled(store, "old", "new")
    used_at(store, old, time.time() - 2 * DAY)
    window = open_window(model=None)
    assert rows(window) == ["Today", "new", "Previous 7 days", "old"]
    window.sidebar.list.setFocus()
    qtbot.keyClick(window.sidebar.list, Qt.Key.Key_Down)
    assert window.chat.conversation_id == old.id
    place = window.sidebar.list.visualRect(index_of(window, "Today")).center()
    qtbot.mouseClick(window.sidebar.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert window.chat.conversation_id == old.id


@pytest.mark.qt_log_ignore("plugin does not support")  # offscreen, of any menu
def test_pin_by_menu_without_opening(open_window: OpenWindow, store: Store) -> None:
    old, new = filled(store, "old", "new")
    window = open_window(model=None)
    choose(window, "old", "Pin")
    assert rows(window) == ["Pinned", "old", "Today", "new"]
    assert window.chat.conversation_id == new.id
    assert store.conversation(old.id).pinned
    choose(window, "old", "Unpin")
    assert rows(window) == ["Today", "new", "old"]


def test_pin_and_duplicate_by_key(open_window: OpenWindow, qtbot: QtBot, store: Store) -> None:
    [only] = filled(store, "only")
    window = open_window(model=None)
    keys = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(window, Qt.Key.Key_P, keys)
    assert store.conversation(only.id).pinned
    qtbot.keyClick(window, Qt.Key.Key_D, keys)
    assert titles(window) == ["only", "only (copy)"]
    copy = store.list_conversations()[1]
    assert window.chat.conversation_id == copy.id
    assert [message.content for message in store.thread(copy.id)] == ["in only"]


@pytest.mark.qt_log_ignore("plugin does not support")  # offscreen, of any menu
def test_rename_and_delete_by_menu_keep_the_open_one(
    open_window: OpenWindow, qtbot: QtBot, store: Store
) -> None:
    _old, new = filled(store, "old", "new")
    window = open_window(model=None)
    choose(window, "old", "Rename")
    editor = window.sidebar.list.findChild(QLineEdit)
    editor.setText("older")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: titles(window) == ["new", "older"])
    assert window.header.title.accessibleName() == "new"
    choose(window, "older", "Delete")
    assert titles(window) == ["new"]
    assert window.chat.conversation_id == new.id


def test_list_is_read_as_far_as_it_is_scrolled(open_window: OpenWindow, store: Store) -> None:
    with store.transaction():
        conversations = filled(store, *(f"chat {n}" for n in range(3 * PAGE)))
    window = open_window(model=None)
    assert len(titles(window)) == PAGE
    window.sidebar.list.scrollToBottom()
    window.sidebar.list.verticalScrollBar().setValue(
        window.sidebar.list.verticalScrollBar().maximum()
    )
    assert len(titles(window)) == 2 * PAGE
    window.sidebar.ensure_open(conversations[0].id)
    assert titles(window) == [f"chat {n}" for n in reversed(range(3 * PAGE))]
    assert window.sidebar.list.currentIndex().data() == "chat 0"


def test_reload_touches_only_rows_that_changed(open_window: OpenWindow, store: Store) -> None:
    first, *_ = filled(store, "a", "b", "c", "d")
    window = open_window(model=None)
    changes: list[tuple[str, int, int]] = []
    model: ConversationModel = window.sidebar.model
    model.rowsRemoved.connect(lambda _p, a, b: changes.append(("out", a, b)))
    model.rowsInserted.connect(lambda _p, a, b: changes.append(("in", a, b)))
    window.sidebar.reload(window.chat.conversation_id)
    assert changes == []
    store.rename(first.id, "z")
    window.sidebar.reload(window.chat.conversation_id)
    assert changes == [("out", 4, 4), ("in", 4, 4)]
    assert window.sidebar.list.currentIndex().data() == "d"


def test_headings_follow_the_language(open_window: OpenWindow, store: Store) -> None:
    filled(store, "one")
    window = open_window(model=None)
    assert rows(window) == ["Today", "one"]
    try:
        set_language("zh_CN")
        show_all_again()
        assert rows(window) == ["今天", "one"]
    finally:
        set_language("en")
        show_all_again()


def test_list_follows_other_programs_when_the_window_is_used_again(
    open_window: OpenWindow, qtbot: QtBot, store: Store
) -> None:
    [mine] = filled(store, "mine")
    window = open_window(model=None)
    filled(store, "from the terminal")
    other = QWidget()
    qtbot.addWidget(other)
    with qtbot.waitActive(other):
        other.show()
        other.activateWindow()
    window.activateWindow()
    qtbot.waitUntil(lambda: titles(window) == ["from the terminal", "mine"])
    assert window.chat.conversation_id == mine.id


@pytest.fixture
def open_deleted(open_window: OpenWindow) -> Callable[[], tuple[MainWindow, DeletedDialog]]:
    def open_dialog() -> tuple[MainWindow, DeletedDialog]:
        window = open_window(model=None)
        window.sidebar.findChild(QAction, "deleted").trigger()
        return window, window.findChild(DeletedDialog)

    return open_dialog


@pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen platform, of any dialog
def test_deleted_conversation_is_restored_later(
    open_deleted: Callable[[], tuple[MainWindow, DeletedDialog]], qtbot: QtBot, store: Store
) -> None:
    _kept, gone = filled(store, "kept", "gone")
    store.delete(gone.id)
    window, dialog = open_deleted()
    assert [dialog.list.item(n).text().split("  ")[1] for n in range(dialog.list.count())] == [
        "gone"
    ]
    assert dialog.restore_button.isEnabled()
    dialog.list.setCurrentRow(0)
    qtbot.mouseClick(dialog.restore_button, Qt.MouseButton.LeftButton)
    assert dialog.list.count() == 0
    dialog.close()
    assert titles(window) == ["gone", "kept"]
    assert window.chat.conversation_id == gone.id


@pytest.mark.qt_log_ignore("propagateSizeHints")
@pytest.mark.parametrize("agreed", [True, False])
def test_deleted_conversation_is_erased_only_when_agreed(
    open_deleted: Callable[[], tuple[MainWindow, DeletedDialog]], store: Store, agreed: bool
) -> None:
    kept, gone = filled(store, "kept", "gone")
    store.delete(gone.id)
    _window, dialog = open_deleted()
    dialog.list.setCurrentRow(0)
    dialog.erase_button.click()
    box = dialog.findChild(QMessageBox)
    answers = {button.text(): button for button in box.buttons()}
    answers["Erase" if agreed else "Cancel"].click()
    dialog.close()
    assert [c.id for c, _ in store.list_deleted()] == ([] if agreed else [gone.id])
    assert [c.id for c in store.list_conversations()] == [kept.id]
