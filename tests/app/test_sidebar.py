"""The list of conversations."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QPushButton
from pytestqt.qtbot import QtBot
from window_helpers import OpenWindow

from app.window import MainWindow
from engine.store import Store


def titles(window: MainWindow) -> list[str]:
    model = window.sidebar.model
    return [model.index(row).data() for row in range(model.rowCount())]


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
    window.sidebar.rename_current()
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
    window.sidebar.delete_current()
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
