"""While an input method composes, Enter, Escape and arrows are its own, in every text field."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot
from window_helpers import OpenWindow, compose

from app.quick_ask import QuickAsk
from engine.store import Store

KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Escape, Qt.Key.Key_Up, Qt.Key.Key_Left, Qt.Key.Key_Tab)


def focused(qtbot: QtBot) -> QWidget:
    """Return the field that has the focus, after it had the time to get it."""
    qtbot.waitUntil(lambda: QApplication.focusWidget() is not None, timeout=60_000)
    widget = QApplication.focusWidget()
    assert widget is not None
    return widget


@pytest.mark.parametrize("kind", [QLineEdit, QPlainTextEdit])
def test_a_dialog_stays_open(qtbot: QtBot, kind: type[QLineEdit] | type[QPlainTextEdit]) -> None:
    dialog = QDialog()
    qtbot.addWidget(dialog)
    field = kind()
    ok = QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
    buttons = QDialogButtonBox(ok)
    buttons.accepted.connect(dialog.accept)
    column = QVBoxLayout(dialog)
    column.addWidget(field)
    column.addWidget(buttons)
    with qtbot.waitActive(dialog):
        dialog.show()
        dialog.activateWindow()
    field.setFocus()
    compose(field, "ni'hao")
    for key in KEYS:
        qtbot.keyClick(field, key)
    assert dialog.isVisible()
    assert QApplication.focusWidget() is field
    compose(field, "", "你好")
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_renaming_goes_on(open_window: OpenWindow, qtbot: QtBot, store: Store) -> None:
    conversation = store.create_conversation("old")
    window = open_window(model=None)
    window.sidebar.list.setFocus()
    qtbot.keyClick(window, Qt.Key.Key_F2)
    field = focused(qtbot)
    assert isinstance(field, QLineEdit)
    compose(field, "xin")
    for key in KEYS:
        qtbot.keyClick(field, key)
    assert store.conversation(conversation.id).title == "old"
    assert field.isVisible()
    compose(field, "", "新")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "新" in store.conversation(conversation.id).title, timeout=60_000)


def test_a_quick_question_is_not_sent(open_window: OpenWindow, qtbot: QtBot) -> None:
    window = open_window(model=None)
    window.accompany().open_quick_ask()
    small = next(w for w in QApplication.topLevelWidgets() if isinstance(w, QuickAsk))
    qtbot.waitUntil(lambda: QApplication.focusWidget() is small.edit, timeout=60_000)
    compose(small.edit, "ni")
    for key in KEYS:
        qtbot.keyClick(small.edit, key)
    assert small.isVisible()
    assert small.edit.isEnabled()
    small.close()


def test_a_field_that_is_left_composes_no_more(qtbot: QtBot) -> None:
    """The keys of the next field are not held back."""
    page = QWidget()
    qtbot.addWidget(page)
    first, second = QLineEdit(), QLineEdit()
    column = QVBoxLayout(page)
    column.addWidget(first)
    column.addWidget(second)
    pressed: list[str] = []
    second.returnPressed.connect(lambda: pressed.append("Return"))
    with qtbot.waitActive(page):
        page.show()
        page.activateWindow()
    first.setFocus()
    compose(first, "ni")
    second.setFocus()
    qtbot.keyClick(second, Qt.Key.Key_Return)
    assert pressed == ["Return"]
