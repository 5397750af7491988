"""The command palette, the page of shortcuts and the menu: everything there is, by keyboard."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from document_helpers import LIGHT, passage
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot
from window_helpers import OpenWindow, compose

from app.actions import Action, Group, actions_of
from app.desktop import translate_qt
from app.documents.preview import Preview
from app.palette.matching import forms, score
from app.palette.palette import CommandPalette
from app.palette.pinyin import initials
from app.settings.dialog import SettingsDialog
from app.shortcuts import ShortcutsPage
from app.texts import show_all_again
from app.window import MainWindow
from engine.i18n import set_language
from engine.store import Store


@pytest.fixture
def chinese(qapp: QApplication) -> Iterator[None]:
    set_language("zh_CN")
    translate_qt(qapp)
    yield
    set_language("en")
    translate_qt(qapp)


def open_palette(window: MainWindow, qtbot: QtBot) -> CommandPalette:
    qtbot.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    found = window.findChild(CommandPalette)
    assert found is not None
    qtbot.waitUntil(lambda: QApplication.focusWidget() is found.edit)
    return found


def gone(window: MainWindow) -> bool:
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    return window.findChild(CommandPalette) is None


@pytest.mark.parametrize(
    ("text", "letters"),
    [("新对话", "xdh"), ("重命名 Rename", "cmm Rename"), ("啊座", "az"), ("鬱囍", "鬱囍")],
)
def test_pinyin_initials(text: str, letters: str) -> None:
    assert initials(text) == letters


@pytest.mark.parametrize(
    ("query", "better", "worse"),
    [
        ("new", "New conversation", "Renew the key"),
        ("ren", "Rename", "Current"),
        ("conv", "New conversation", "Cut on every view"),
        ("nc", "New conversation", "Keyboard shortcuts"),
        ("conv new", "New conversation", "Conversations"),
        ("xdh", "新对话", "消息大会"),
        ("对话", "新对话", "对号入座的话"),
    ],
)
def test_better_fits_come_first(query: str, better: str, worse: str) -> None:
    assert score(query, forms(better)) > score(query, forms(worse))


def test_what_does_not_fit_scores_nothing() -> None:
    assert score("xyz", forms("New conversation")) == 0
    assert score("wen", forms("New")) == 0
    assert score("new zebra", forms("New conversation")) == 0


def test_typing_and_enter_do_what_is_marked(
    open_window: OpenWindow, qtbot: QtBot, store: Store
) -> None:
    conversation = store.create_conversation("Old")
    store.add_message(conversation.id, "user", "hello", parent_id=None)
    window = open_window(model=None)
    palette = open_palette(window, qtbot)
    qtbot.keyClicks(palette.edit, "new")
    assert palette.titles()[0] == "New conversation"
    qtbot.keyClick(palette.edit, Qt.Key.Key_Return)
    assert gone(window)
    assert len(store.list_conversations()) == 2
    qtbot.waitUntil(lambda: QApplication.focusWidget() is window.chat.composer.edit)


def test_a_conversation_is_found_by_its_title_and_by_pinyin(
    open_window: OpenWindow, qtbot: QtBot, store: Store
) -> None:
    wanted = store.create_conversation("长江有多长")
    store.create_conversation("Something else")
    window = open_window(model=None)
    assert window.chat.conversation_id != wanted.id
    palette = open_palette(window, qtbot)
    qtbot.keyClicks(palette.edit, "cjydc")
    assert palette.titles()[0] == "长江有多长"
    qtbot.keyClick(palette.edit, Qt.Key.Key_Return)
    assert window.chat.conversation_id == wanted.id


def test_arrows_move_in_the_list_and_escape_leaves(open_window: OpenWindow, qtbot: QtBot) -> None:
    window = open_window(model=None)
    palette = open_palette(window, qtbot)
    assert len(palette.titles()) > 3
    qtbot.keyClick(palette.edit, Qt.Key.Key_Down)
    qtbot.keyClick(palette.edit, Qt.Key.Key_Down)
    qtbot.keyClick(palette.edit, Qt.Key.Key_Up)
    assert palette.list.currentIndex().row() == 1
    qtbot.keyClick(palette.edit, Qt.Key.Key_Escape)
    assert gone(window)
    assert window.isVisible()


def test_nothing_fits_and_enter_does_nothing(open_window: OpenWindow, qtbot: QtBot) -> None:
    window = open_window(model=None)
    palette = open_palette(window, qtbot)
    qtbot.keyClicks(palette.edit, "qqqq")
    assert palette.titles() == []
    qtbot.keyClick(palette.edit, Qt.Key.Key_Return)
    assert palette.isVisible()
    palette.close()


def test_a_click_beside_it_leaves_it(open_window: OpenWindow, qtbot: QtBot) -> None:
    window = open_window(model=None)
    open_palette(window, qtbot)
    window.activateWindow()
    qtbot.waitUntil(lambda: gone(window))


def test_the_palette_lists_what_can_be_done_now(open_window: OpenWindow, qtbot: QtBot) -> None:
    window = open_window(model=None)
    palette = open_palette(window, qtbot)
    possible = [a.text() for a in actions_of(window) if a.isEnabled()]
    assert palette.titles() == [text for text in possible if text != "Command palette"]
    assert "Stop" not in palette.titles()
    palette.close()


def test_chinese_actions_are_found_in_chinese_english_and_pinyin(
    open_window: OpenWindow, qtbot: QtBot, chinese: None
) -> None:
    window = open_window(model=None)
    palette = open_palette(window, qtbot)
    for query in ("新对", "new c", "xdh"):
        palette.edit.setText(query)
        assert palette.titles()[0] == "新对话"
    palette.close()


def test_every_action_is_on_the_page_of_shortcuts(open_window: OpenWindow, qtbot: QtBot) -> None:
    window = open_window(model=None)
    qtbot.keyClick(window, Qt.Key.Key_F1)
    page = window.findChild(ShortcutsPage)
    assert page is not None
    rows = dict(page.rows())
    assert {action.text() for action in actions_of(window)} <= set(rows)
    assert rows["New conversation"] == "Ctrl+N"
    assert rows["Stop"] == "Esc"
    assert rows["Save a changed answer"] == "Ctrl+Return"
    assert rows["Select, over code and tables too"] == "Shift with arrows"
    assert rows["Select the message, then the conversation"] == "Ctrl+A"
    page.close()


def test_the_page_of_shortcuts_has_the_keys_of_documents_too(
    open_window: OpenWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window = open_window(model=None)
    path = tmp_path / "light.txt"
    path.write_text(LIGHT, encoding="utf-8")
    documents = window.desk.open()
    window.desk.show_source(passage(path, LIGHT, start=0, end=len(LIGHT)))
    preview = window.findChild(Preview)
    assert documents is not None
    assert preview is not None
    actions = [*actions_of(documents), *actions_of(preview)]
    native = QKeySequence.SequenceFormat.NativeText
    theirs = {action.text(): action.shortcut().toString(native) for action in actions}
    assert theirs["Next page"]
    qtbot.keyClick(window, Qt.Key.Key_F1)
    page = window.findChild(ShortcutsPage)
    assert page is not None
    assert theirs.items() <= dict(page.rows()).items()
    for opened in (page, preview, documents):
        opened.close()


def test_the_menu_shows_every_action_in_its_group(open_window: OpenWindow) -> None:
    window = open_window(model=None)
    window.menu.aboutToShow.emit()
    window.menu.aboutToShow.emit()  # a second time it has them once
    menus = {action.text(): action.menu() for action in window.menu.actions()}
    assert all(isinstance(menu, QMenu) for menu in menus.values())
    shown = [action for menu in menus.values() for action in menu.actions()]
    assert shown == actions_of(window)
    assert list(menus) == [g.title for g in Group if any(a.group is g for a in actions_of(window))]


def test_no_two_actions_share_a_shortcut_or_a_name(open_window: OpenWindow) -> None:
    window = open_window(model=None)
    actions = window.findChildren(Action)
    keys = [
        (key.toString(QKeySequence.SequenceFormat.PortableText))
        for action in actions
        for key in action.shortcuts()
    ]
    assert sorted(keys) == sorted(set(keys))
    assert all(action.objectName() and action.message for action in actions)


def test_actions_follow_the_language(open_window: OpenWindow, qapp: QApplication) -> None:
    window = open_window(model=None)
    set_language("zh_CN")
    show_all_again()
    texts = [action.text() for action in actions_of(window)]
    set_language("en")
    show_all_again()
    assert "新对话" in texts
    assert "New conversation" in [action.text() for action in actions_of(window)]


def test_composing_in_the_palette_keeps_its_keys(open_window: OpenWindow, qtbot: QtBot) -> None:
    window = open_window(model=None)
    palette = open_palette(window, qtbot)
    compose(palette.edit, "xin")
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Escape, Qt.Key.Key_Down):
        qtbot.keyClick(palette.edit, key)
    assert palette.isVisible()
    assert palette.list.currentIndex().row() == 0
    compose(palette.edit, "", "新")
    qtbot.keyClick(palette.edit, Qt.Key.Key_Escape)
    assert gone(window)


def test_actions_of_dialogs_are_not_the_windows(open_window: OpenWindow) -> None:
    window = open_window(model=None)
    before = {action.objectName() for action in actions_of(window)}
    documents = window.desk.open()
    assert documents is not None
    assert {action.objectName() for action in actions_of(window)} == before
    documents.close()


def test_a_setting_is_found_and_opened(open_window: OpenWindow) -> None:
    window = open_window(model=None)
    window.open_palette()
    palette = window.findChild(CommandPalette)
    palette.edit.setText("text size")
    assert palette.titles()[0] == "Text size"
    palette.edit.setText("zzzzzz")
    assert palette.titles() == []
    assert not palette.list.isVisible()
    palette.edit.setText("text size")
    palette.list.clicked.emit(palette.list.model().index(0, 0))
    dialog = window.findChild(SettingsDialog)
    assert dialog is not None
    assert dialog.search.text() == "Text size"
    dialog.close()


@pytest.mark.usefixtures("chinese")
def test_groups_are_named_after_what_they_act_on() -> None:
    assert [group.title for group in Group][:2] == ["对话", "消息"]
