"""Editing, regenerating and continuing make new versions; arrows step between them."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from window_helpers import OpenWindow, SlowWorker, answering, compose

from app.edit_box import EditBox
from app.message_view import MessageView
from app.window import MainWindow
from engine.store import Message, Store

Ready = Callable[[MainWindow], MainWindow]
Write = Callable[[MainWindow, str], None]


def shown(window: MainWindow) -> list[MessageView]:
    return window.chat.transcript.views()


def place(view: MessageView) -> str:
    return view.toolbar.place.text() if view.toolbar.place.isVisible() else ""


def trigger(window: MainWindow, name: str) -> None:
    window.findChild(QAction, name).trigger()


def conversation(store: Store, *texts: str, status: str = "complete") -> list[Message]:
    """Store a conversation; the last message has that status."""
    number = store.create_conversation("Chat").id
    messages: list[Message] = []
    for place, text in enumerate(texts):
        parent = messages[-1].id if messages else None
        role = "assistant" if place % 2 else "user"
        last = place == len(texts) - 1
        messages.append(
            store.add_message(
                number, role, text, parent_id=parent, status=status if last else "complete"
            )
        )
    return messages


def wait_for_answer(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not answering(window), timeout=20_000)


def test_edited_question_is_answered_anew(
    open_window: OpenWindow, qtbot: QtBot, ready: Ready, store: Store
) -> None:
    question, answer, *_ = conversation(store, "first", "one", "second", "two")
    window = ready(open_window())
    window.chat.transcript.view(question.id).toolbar.edit_button.click()
    box = window.findChild(EditBox)
    assert box.edit.toPlainText() == "first"
    assert box.edit.hasFocus()
    box.edit.setPlainText("")
    qtbot.keyClicks(box.edit, "other words")
    qtbot.keyClick(box.edit, Qt.Key.Key_Return)
    assert answering(window)
    wait_for_answer(window, qtbot)
    branch = store.thread(question.conversation_id)
    assert [m.content for m in branch] == [view.text() for view in shown(window)]
    assert branch[0].content == "other words"
    assert [place(view) for view in shown(window)] == ["2/2", ""]
    shown(window)[0].toolbar.back.click()
    assert [view.text() for view in shown(window)] == ["first", "one", "second", "two"]
    assert [place(view) for view in shown(window)] == ["1/2", "", "", ""]
    assert store.message(answer.id).content == "one"


def test_answer_is_edited_without_asking_the_model(
    open_window: OpenWindow, qtbot: QtBot, ready: Ready, store: Store
) -> None:
    question, _ = conversation(store, "first", "one")
    window = ready(open_window())
    shown(window)[1].setFocus()
    shown(window)[1].take_focus()
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    box = window.findChild(EditBox)
    qtbot.keyClick(box.edit, Qt.Key.Key_Return)  # an answer has lines of its own
    qtbot.keyClicks(box.edit, "two")
    qtbot.keyClick(box.edit, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert not answering(window)
    assert [m.content for m in store.thread(question.conversation_id)] == ["first", "one\ntwo"]
    assert [view.text() for view in shown(window)] == ["first", "one\ntwo"]
    assert place(shown(window)[1]) == "2/2"


def test_escape_and_unchanged_text_store_nothing(
    open_window: OpenWindow, qtbot: QtBot, store: Store
) -> None:
    question, _ = conversation(store, "first", "one")
    window = open_window(model=None)
    for key in (Qt.Key.Key_Escape, Qt.Key.Key_Return):
        trigger(window, "edit")
        box = window.findChild(EditBox)
        qtbot.keyClick(box.edit, key)
        assert shown(window)[0].blocks()[0].isVisible()
        assert not box.isVisible()
        box.deleteLater()
        QApplication.processEvents()
    assert len(store.tree(question.conversation_id).messages) == 2


def test_enter_and_escape_belong_to_a_composition_while_editing(
    open_window: OpenWindow, qtbot: QtBot, ready: Ready, store: Store
) -> None:
    question, _ = conversation(store, "first", "one")
    window = ready(open_window())
    trigger(window, "edit")
    box = window.findChild(EditBox)
    compose(box.edit, "nihao")
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Escape):
        qtbot.keyClick(box.edit, key)
    assert box.isVisible()
    compose(box.edit, "", commit="你好")
    assert len(store.tree(question.conversation_id).messages) == 2
    qtbot.keyClick(box.edit, Qt.Key.Key_Return)
    wait_for_answer(window, qtbot)
    assert store.thread(question.conversation_id)[0].content == "first你好"


def test_regenerate_and_step_by_keys(
    open_window: OpenWindow, qtbot: QtBot, ready: Ready, store: Store
) -> None:
    question, answer = conversation(store, "hello", "old answer")
    window = ready(open_window())
    qtbot.keyClick(window, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    wait_for_answer(window, qtbot)
    assert place(shown(window)[1]) == "2/2"
    new = shown(window)[1].message.id
    assert new != answer.id
    qtbot.keyClick(window, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert shown(window)[1].text() == "old answer"
    qtbot.keyClick(window, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)  # there is no other
    assert shown(window)[1].text() == "old answer"
    qtbot.keyClick(window, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    assert shown(window)[1].message.id == new
    assert store.thread(question.conversation_id)[1].id == new


def test_stopped_answer_goes_on(
    open_window: OpenWindow, qtbot: QtBot, ready: Ready, store: Store
) -> None:
    _question, stopped = conversation(store, "hello", "It begins ", status="cancelled")
    window = ready(open_window())
    view = shown(window)[1]
    assert (view.note(), view.go_on.text()) == ("Stopped.", "Continue")
    view.go_on.click()
    wait_for_answer(window, qtbot)
    longer = shown(window)[1]
    assert longer.text().startswith("It begins ")
    assert longer.text() == store.message(longer.message.id).content
    assert place(longer) == "2/2"
    assert store.message(stopped.id).content == "It begins "


def test_failed_answer_is_tried_again(
    open_window: OpenWindow, qtbot: QtBot, ready: Ready, store: Store
) -> None:
    conversation(store, "hello", "", status="failed")
    window = ready(open_window())
    view = shown(window)[1]
    assert view.go_on.text() == "Try again"
    qtbot.mouseClick(view.go_on, Qt.MouseButton.LeftButton)
    wait_for_answer(window, qtbot)
    assert shown(window)[1].message.status == "complete"


def test_nothing_branches_while_an_answer_comes(
    open_window: OpenWindow, ready: Ready, write: Write, store: Store
) -> None:
    conversation(store, "first", "one")
    window = ready(open_window(worker=SlowWorker))
    write(window, "hello")
    assert answering(window)
    assert not shown(window)[0].toolbar.edit_button.isEnabled()
    assert not window.findChild(QAction, "regenerate").isEnabled()
    assert window.findChild(QAction, "copy-message").isEnabled()
    window.chat.stop()


@pytest.mark.parametrize(("name", "expected"), [("copy-message", "**one**"), ("copy-text", "one")])
def test_last_message_is_copied_by_action(
    open_window: OpenWindow, store: Store, name: str, expected: str
) -> None:
    conversation(store, "first", "**one**")
    window = open_window(model=None)
    trigger(window, name)
    assert QGuiApplication.clipboard().text() == expected


def test_keys_go_from_message_to_message(open_window: OpenWindow, store: Store) -> None:
    conversation(store, *(f"text {n} " + "word " * 40 for n in range(60)))
    window = open_window(model=None)
    transcript = window.chat.transcript
    for number in reversed(range(60)):
        trigger(window, "message-up")
        assert transcript.current().text().startswith(f"text {number} ")
    trigger(window, "message-down")
    assert transcript.current().text().startswith("text 1 ")
    top = transcript.place_of(transcript.current().message.id).offset
    assert 0 <= top < transcript.height()


def test_stepping_keeps_the_place(open_window: OpenWindow, qtbot: QtBot, store: Store) -> None:
    messages = conversation(store, *(f"text {n} " + "word " * 60 for n in range(30)))
    fork = messages[20]
    other = store.add_message(fork.conversation_id, "user", "other", parent_id=messages[19].id)
    window = open_window(model=None)
    transcript = window.chat.transcript
    assert [view.text() for view in shown(window)][-1] == "other"
    trigger(window, "version-before")
    before = transcript.place_of(fork.id).offset
    trigger(window, "version-after")
    trigger(window, "version-before")
    qtbot.wait(1)
    assert transcript.place_of(fork.id).offset == pytest.approx(before, abs=60)
    assert transcript.view(other.id) is None


def test_an_edit_waits_while_another_conversation_is_open(
    open_window: OpenWindow, qtbot: QtBot, store: Store
) -> None:
    question, _answer = conversation(store, "first", "one")
    other = store.create_conversation("Other")
    window = open_window(model=None)
    window.chat.open(question.conversation_id)
    window.chat.transcript.view(question.id).start_editing()
    window.findChild(EditBox).edit.setPlainText("half a thou")
    window.chat.open(other.id)
    assert not window.findChild(EditBox) or not window.findChild(EditBox).isVisible()
    window.chat.open(question.conversation_id)
    view = window.chat.transcript.view(question.id)
    assert view.unfinished_edit() == "half a thou"
    view.stop_editing()
    window.chat.open(other.id)
    window.chat.open(question.conversation_id)
    assert window.chat.transcript.view(question.id).unfinished_edit() is None
