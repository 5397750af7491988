"""A selection over the blocks of an answer, and over messages."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from test_transcript import message

from app.blocks import TextBlock
from app.transcript import PAGE, Transcript

ANSWER = (
    "Some **bold** words\n\n```python\nprint(1)\n```\n\n| a | b |\n|--|--|\n| c | d |\n\nthe end"
)
WHOLE = "Some bold words\n\nprint(1)\n\na\tb\nc\td\n\nthe end"
SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def transcript(qapp: QApplication, qtbot: QtBot) -> Transcript:
    transcript = Transcript()
    qtbot.addWidget(transcript)
    transcript.resize(700, 600)
    with qtbot.waitActive(transcript):
        transcript.show()
        transcript.activateWindow()
    transcript.show_messages([message(1, "question"), message(2, ANSWER)])
    qtbot.wait(1)
    return transcript


def blocks(transcript: Transcript) -> list[TextBlock]:
    return [block for view in transcript.views() for block in view.blocks()]


def place(block: TextBlock, position: int) -> QPoint:
    cursor = QTextCursor(block.document())
    cursor.setPosition(position)
    return block.cursorRect(cursor).center()


def drag(start: TextBlock, first: int, end: TextBlock, last: int) -> None:
    """Press the mouse in one block and release it in another one."""
    target = place(end, last)
    goal = start.viewport().mapFromGlobal(end.viewport().mapToGlobal(target))
    left = Qt.MouseButton.LeftButton
    QTest.mousePress(start.viewport(), left, pos=place(start, first))
    for part in (0.3, 0.6, 1.0):
        origin = place(start, first)
        QTest.mouseMove(start.viewport(), origin + (goal - origin) * part)
    QTest.mouseRelease(start.viewport(), left, pos=goal)


def copied(transcript: Transcript) -> str:
    QGuiApplication.clipboard().clear()
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_C, CONTROL)
    return QGuiApplication.clipboard().text()


def test_mouse_selects_over_code_and_table(transcript: Transcript) -> None:
    _question, prose, _code, _table, end = blocks(transcript)
    drag(prose, 5, end, 3)
    assert copied(transcript) == "bold words\n\nprint(1)\n\na\tb\nc\td\n\nthe"
    drag(end, 3, prose, 5)
    assert copied(transcript) == "bold words\n\nprint(1)\n\na\tb\nc\td\n\nthe"


def test_mouse_selects_over_messages(transcript: Transcript) -> None:
    question, prose, *_ = blocks(transcript)
    drag(question, 4, prose, 4)
    assert copied(transcript) == "tion\n\nSome"


def test_next_press_takes_the_selection_away(transcript: Transcript) -> None:
    _question, prose, code, _table, end = blocks(transcript)
    drag(prose, 0, end, 3)
    QTest.mouseClick(code.viewport(), Qt.MouseButton.LeftButton, pos=place(code, 2))
    assert not any(block.textCursor().hasSelection() for block in blocks(transcript))


def test_dragging_back_into_the_first_block_selects_there_only(transcript: Transcript) -> None:
    _question, prose, code, *_ = blocks(transcript)
    left = Qt.MouseButton.LeftButton
    QTest.mousePress(prose.viewport(), left, pos=place(prose, 2))
    below = prose.viewport().mapFromGlobal(code.viewport().mapToGlobal(place(code, 3)))
    QTest.mouseMove(prose.viewport(), below)
    assert transcript.selection.spans()
    QTest.mouseMove(prose.viewport(), place(prose, 9))
    QTest.mouseRelease(prose.viewport(), left, pos=place(prose, 9))
    assert copied(transcript) == "me bold"
    assert not code.textCursor().hasSelection()


def test_shift_click_extends_over_blocks(transcript: Transcript) -> None:
    _question, prose, code, *_ = blocks(transcript)
    QTest.mouseClick(prose.viewport(), Qt.MouseButton.LeftButton, pos=place(prose, 10))
    QTest.mouseClick(code.viewport(), Qt.MouseButton.LeftButton, SHIFT, place(code, 5))
    assert copied(transcript) == "words\n\nprint"


def test_shift_arrows_go_from_block_to_block_and_back(transcript: Transcript) -> None:
    _question, prose, code, *_ = blocks(transcript)
    prose.setFocus()
    prose.moveCursor(QTextCursor.MoveOperation.End)
    for _ in range(6):
        QTest.keyClick(prose, Qt.Key.Key_Right, SHIFT)
    assert copied(transcript) == "print"
    for _ in range(8):
        QTest.keyClick(prose, Qt.Key.Key_Left, SHIFT)
    assert copied(transcript) == "ds"
    assert not code.textCursor().hasSelection()
    QTest.keyClick(prose, Qt.Key.Key_Down, SHIFT)
    assert transcript.selection.spans()
    QTest.keyClick(prose, Qt.Key.Key_Left)
    assert not any(block.textCursor().hasSelection() for block in blocks(transcript))


def test_select_all_takes_the_message_then_the_conversation(
    transcript: Transcript, qtbot: QtBot
) -> None:
    transcript.show_messages(
        [*(message(n, f"text {n}\n" + "line\n" * 9) for n in range(1, 60, 2)), message(60, ANSWER)]
    )
    qtbot.wait(1)
    assert transcript.built_count() == PAGE
    last = transcript.views()[-1].blocks()[0]
    last.setFocus()
    QTest.keyClick(last, Qt.Key.Key_A, CONTROL)
    assert copied(transcript) == WHOLE
    QTest.keyClick(last, Qt.Key.Key_A, CONTROL)
    text = copied(transcript)
    assert text.startswith("text 1\nline")
    assert text.endswith(WHOLE)
    assert transcript.built_count() == 31


def test_menu_copies_the_whole_selection(transcript: Transcript) -> None:
    _question, prose, _code, _table, end = blocks(transcript)
    drag(prose, 0, end, 7)
    prose.copy()
    assert QGuiApplication.clipboard().text() == WHOLE


def test_selection_lives_while_text_comes(transcript: Transcript) -> None:
    view = transcript.add(message(4, "one\n\n```\ntwo\n```\n\nthree", "streaming"))
    first, _code, last = view.blocks()
    first.setFocus()
    QTest.keyClick(first, Qt.Key.Key_A, CONTROL)
    for piece in (" more", " words\n\n", "- item", "\n\n```\ncode"):
        view.append_text(piece)
    assert copied(transcript) == "one\n\ntwo\n\nthree"
    assert last in view.blocks()


def test_dragging_below_the_view_scrolls(transcript: Transcript, qtbot: QtBot) -> None:
    transcript.show_messages([message(n, f"text {n} " + "word " * 60) for n in range(1, 20)])
    transcript.verticalScrollBar().setValue(0)
    qtbot.wait(1)
    block = blocks(transcript)[0]
    QTest.mousePress(block.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    edge = transcript.viewport().mapToGlobal(QPoint(100, transcript.viewport().height() + 60))
    QTest.mouseMove(block.viewport(), block.viewport().mapFromGlobal(edge))
    before = transcript.verticalScrollBar().value()
    qtbot.waitUntil(lambda: transcript.verticalScrollBar().value() > before + 200)
    QTest.mouseRelease(block.viewport(), Qt.MouseButton.LeftButton)
    assert transcript.selection.text().count("text") > 2
