"""The dialogs of settings as a person uses them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget
from pytestqt.qtbot import QtBot
from window_helpers import OpenWindow, answering

from app.settings.dialog import SettingsDialog
from app.settings.fields import (
    ChoiceField,
    LineField,
    LinesField,
    NumberBox,
    NumberField,
    SwitchField,
)
from app.settings.form import SettingRow
from app.settings.prompt_menu import PromptButton
from app.settings.prompts_page import PromptsPage
from app.window import MainWindow
from engine.settings import table
from engine.settings.answer import own_values, set_own
from engine.settings.prompts import add_prompt, own_prompts
from engine.settings.setting import Switch
from engine.settings.table import SETTINGS

Ready = Callable[[MainWindow], MainWindow]
Write = Callable[[MainWindow, str], None]


@pytest.fixture
def window(open_window: OpenWindow) -> MainWindow:
    return open_window(model=None)


@pytest.fixture
def dialog(window: MainWindow, qtbot: QtBot) -> SettingsDialog:
    qtbot.keyClick(window, Qt.Key.Key_Comma, Qt.KeyboardModifier.ControlModifier)
    [dialog] = window.findChildren(SettingsDialog)
    return dialog


def row(dialog: QWidget, name: str) -> SettingRow:
    [found] = [r for r in dialog.findChildren(SettingRow) if r.setting.name == name]
    return found


def show_page(dialog: SettingsDialog, name: str) -> None:
    [item] = dialog.pages.findItems(name, Qt.MatchFlag.MatchExactly)
    dialog.pages.setCurrentItem(item)


def type_number(qtbot: QtBot, box: QWidget, text: str) -> None:
    assert isinstance(box, NumberBox)
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, text)
    qtbot.keyClick(box, Qt.Key.Key_Return)


def test_every_setting_has_its_row_with_name_and_help(dialog: SettingsDialog) -> None:
    rows = {r.setting.name: r for r in dialog.findChildren(SettingRow)}
    assert set(rows) == {setting.name for setting in SETTINGS}
    for name, found in rows.items():
        setting = table.BY_NAME[name]
        assert found.field.control.accessibleName() == setting.label
        assert found.field.control.accessibleDescription() == setting.help


def test_a_number_is_kept_at_once_and_taken_back(
    window: MainWindow, dialog: SettingsDialog, qtbot: QtBot
) -> None:
    settings = window._service.settings
    temperature = row(dialog, "temperature")
    show_page(dialog, "Answers")
    assert not temperature.reset_button.isVisible()
    type_number(qtbot, temperature.field.control, "0.35")
    assert settings.get(table.TEMPERATURE) == 0.35
    assert temperature.reset_button.isVisible()
    qtbot.mouseClick(temperature.reset_button, Qt.MouseButton.LeftButton)
    assert settings.get(table.TEMPERATURE) is None
    assert "as the model recommends" in temperature.field.control.text()
    qtbot.keyClick(temperature.field.control, Qt.Key.Key_Up)
    assert settings.get(table.TEMPERATURE) == 0.0  # without a model nobody knows better


def test_stepping_begins_at_what_the_model_recommends(
    open_window: OpenWindow, ready: Ready, qtbot: QtBot
) -> None:
    window = ready(open_window())
    recommended = window._service.worker.loaded.generation.top_k
    field = row(window.settings.open(), "top_k").field
    assert isinstance(field, NumberField)
    assert f"as the model recommends: {recommended}" in field.box.text()
    field.box.stepBy(1)
    assert window._service.settings.get(table.TOP_K) == recommended + 1


def test_a_seed_has_all_its_digits(
    window: MainWindow, dialog: SettingsDialog, qtbot: QtBot
) -> None:
    field = row(dialog, "seed").field
    assert isinstance(field, LineField)
    show_page(dialog, "Answers")
    for text, kept in (("18446744073709551615", 2**64 - 1), ("many", 2**64 - 1), ("", None)):
        field.edit.setFocus()
        field.edit.selectAll()
        qtbot.keyClicks(field.edit, text) if text else field.edit.del_()
        field.edit.setModified(True)
        qtbot.keyClick(field.edit, Qt.Key.Key_Return)
        assert window._service.settings.get(table.SEED) == kept
        assert dialog.notice.isVisible() == (text == "many")
        dialog.notice.dismiss()


def test_a_choice_works_at_once(window: MainWindow, dialog: SettingsDialog) -> None:
    field = row(dialog, "scheme").field
    assert isinstance(field, ChoiceField)
    field.box.setCurrentIndex(field.box.findData("dark"))
    field.box.activated.emit(field.box.currentIndex())
    assert window._service.settings.get(table.SCHEME) == "dark"


def test_a_switch_works_at_once(window: MainWindow, dialog: SettingsDialog, qtbot: QtBot) -> None:
    switch = next(s for s in SETTINGS if isinstance(s, Switch))
    field = row(dialog, switch.name).field
    assert isinstance(field, SwitchField)
    for expected in (not switch.default, switch.default):
        field.box.click()
        assert window._service.settings.get(switch) is expected


def test_text_is_kept_when_the_dialog_closes(
    window: MainWindow, dialog: SettingsDialog, qtbot: QtBot
) -> None:
    field = row(dialog, "system_prompt").field
    assert isinstance(field, LinesField)
    show_page(dialog, "Answers")
    qtbot.keyClicks(field.edit, "Be brief.")
    dialog.reject()
    assert window._service.settings.get(table.SYSTEM_PROMPT) == "Be brief."


def test_a_disk_that_refuses_is_told_and_the_old_value_shown(
    window: MainWindow, dialog: SettingsDialog, qtbot: QtBot, tmp_path: Path
) -> None:
    window._service.settings._path = tmp_path / "gone" / "settings.json"
    field = row(dialog, "threads").field
    show_page(dialog, "Answers")
    type_number(qtbot, field.control, "3")
    assert "cannot be written" in dialog.notice.text()
    assert window._service.settings.get(table.THREADS) is None
    assert "all cores" in field.control.text()  # type: ignore[attr-defined]


@pytest.mark.parametrize("words", ["temper", "livelier", "温度"])
def test_search_finds_a_setting_by_name_and_meaning(dialog: SettingsDialog, words: str) -> None:
    dialog.search.setText(words)
    found = [r.setting.name for r in dialog.findChildren(SettingRow) if not r.isHidden()]
    if words == "温度":  # the other language is not in use
        assert found == []
        assert dialog.stack.currentIndex() == 0
    else:
        assert found == ["temperature"]
        assert dialog.pages.currentItem().text() == "Answers"
        items = [dialog.pages.item(row) for row in range(dialog.pages.count())]
        assert [item.text() for item in items if not item.isHidden()] == ["Answers"]
        assert dialog.page(dialog.pages.currentRow()).isVisible()
    dialog.search.clear()
    assert not any(r.isHidden() for r in dialog.findChildren(SettingRow))


def test_prompts_are_made_renamed_copied_and_deleted(
    window: MainWindow, dialog: SettingsDialog, qtbot: QtBot
) -> None:
    settings = window._service.settings
    [page] = dialog.findChildren(PromptsPage)
    show_page(dialog, "System prompts")
    assert page.name.isReadOnly()
    qtbot.mouseClick(page.new_button, Qt.MouseButton.LeftButton)
    page.name.setText("诗人")
    page.text.setPlainText("写诗。")
    page.flush()
    assert [(p.name, p.text) for p in own_prompts(settings)] == [("诗人", "写诗。")]
    qtbot.mouseClick(page.copy_button, Qt.MouseButton.LeftButton)
    assert [p.name for p in own_prompts(settings)] == ["诗人", "诗人 2"]
    page.name.setText("诗人")
    page.flush()
    assert dialog.notice.isVisible()
    assert [p.name for p in own_prompts(settings)] == ["诗人", "诗人 2"]
    qtbot.mouseClick(page.delete_button, Qt.MouseButton.LeftButton)
    assert [p.name for p in own_prompts(settings)] == ["诗人"]


def test_a_conversation_shows_and_drops_what_differs(
    window: MainWindow, qtbot: QtBot, qapp: QApplication
) -> None:
    store, number = window._service.store, window.chat.conversation_id
    assert number is not None
    add_prompt(window._service.settings, "Poet", "You write poems.")
    window._service.settings.set(table.TEMPERATURE, 0.4)
    set_own(store, number, table.TOP_K, 7)
    dialog = window.settings.open_for_conversation()
    assert dialog is not None
    assert dialog._count.text() == "One setting differs from those for all."
    temperature = row(dialog, "temperature")
    assert "as usual: 0.4" in temperature.field.control.text()  # type: ignore[attr-defined]
    type_number(qtbot, temperature.field.control, "0.9")
    [button] = dialog.findChildren(PromptButton)
    button.menu().aboutToShow.emit()
    next(a for a in button.menu().actions() if a.text() == "Poet").trigger()
    assert own_values(store, number) == {
        "top_k": 7,
        "temperature": 0.9,
        "system_prompt": "You write poems.",
    }
    assert dialog._count.text() == "3 settings differ from those for all."
    qtbot.mouseClick(dialog.reset_button, Qt.MouseButton.LeftButton)
    assert own_values(store, number) == {}
    assert not dialog.reset_button.isEnabled()
    dialog.accept()
    assert window._service.settings.get(table.TEMPERATURE) == 0.4


def test_the_next_answer_obeys_the_conversation(
    open_window: OpenWindow, ready: Ready, write: Write, qtbot: QtBot
) -> None:
    window = ready(open_window())
    dialog = window.settings.open_for_conversation()
    assert dialog is not None
    type_number(qtbot, row(dialog, "max_new_tokens").field.control, "1")
    dialog.accept()
    write(window, "hello")
    qtbot.waitUntil(lambda: not answering(window), timeout=20_000)
    store = window._service.store
    assert store.thread(window.chat.conversation_id)[-1].completion_tokens == 1


def test_all_controls_can_be_reached_by_keyboard(dialog: SettingsDialog) -> None:
    for found in dialog.findChildren(SettingRow):
        assert found.field.control.focusPolicy() & Qt.FocusPolicy.TabFocus
    edits = [e for e in dialog.findChildren(QLineEdit) if not e.objectName().startswith("qt_")]
    assert all(edit.accessibleName() for edit in edits)
