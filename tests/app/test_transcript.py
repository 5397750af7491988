"""Long chats, streamed text, and who decides where the reader looks."""

import pytest
from PySide6.QtCore import QEvent, QObject, QPoint
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.blocks import TextBlock
from app.markdown.prose import ProseBlock
from app.transcript import PAGE, Transcript
from engine.store import Message

HOSTILE = (
    "<b>bold</b> &amp; <img src='file:///etc/passwd'> **stars** [a](b)\u00a0\n\n  | x |\t\n# no"
)


def message(number: int, text: str, status: str = "complete") -> Message:
    return Message(
        id=number,
        conversation_id=1,
        parent_id=number - 1 or None,
        role="user" if number % 2 else "assistant",
        content=text,
        status=status,
        created_at=0.0,
        finish_reason=None,
        model=None,
        error=None,
        prompt_tokens=None,
        completion_tokens=None,
        prefill_ms=None,
        decode_tokens_per_second=None,
    )


@pytest.fixture
def transcript(qapp: QApplication, qtbot: QtBot) -> Transcript:
    transcript = Transcript()
    qtbot.addWidget(transcript)
    transcript.resize(700, 500)
    with qtbot.waitExposed(transcript):
        transcript.show()
    return transcript


def at_end(transcript: Transcript) -> bool:
    bar = transcript.verticalScrollBar()
    return bar.value() == bar.maximum()


def test_long_chat_builds_its_last_messages_first(transcript: Transcript) -> None:
    transcript.show_messages([message(n, f"{n} " + "words " * 60) for n in range(1, 501)])
    assert transcript.built_count() == PAGE
    assert transcript.view(500) is not None
    assert at_end(transcript)


def test_earlier_messages_come_when_scrolling_up(transcript: Transcript, qtbot: QtBot) -> None:
    transcript.show_messages([message(n, f"{n} " + "words " * 60) for n in range(1, 201)])
    bar = transcript.verticalScrollBar()
    first = transcript.view(200 - PAGE + 1)
    bar.setValue(450)
    seen = first.mapTo(transcript, QPoint(0, 0)).y()
    bar.setValue(350)  # near enough to the top: the page before is built
    assert transcript.built_count() == 2 * PAGE
    assert first.mapTo(transcript, QPoint(0, 0)).y() == seen + 100
    qtbot.wait(50)
    assert first.mapTo(transcript, QPoint(0, 0)).y() == seen + 100
    while transcript.view(1) is None:
        bar.setValue(0)
    assert transcript.built_count() == 200


def test_short_messages_fill_a_high_window(transcript: Transcript) -> None:
    transcript.resize(700, 5000)
    transcript.show_messages([message(n, "短") for n in range(1, 301)])
    assert transcript.built_count() > 2 * PAGE
    assert at_end(transcript)


def test_view_follows_only_a_reader_at_the_end(transcript: Transcript, qtbot: QtBot) -> None:
    transcript.show_messages([message(n, "words " * 60) for n in range(1, 20)])
    view = transcript.add(message(20, "", "streaming"))
    for _ in range(20):
        view.append_text("more words " * 20)
        qtbot.wait(1)
        assert at_end(transcript)
    bar = transcript.verticalScrollBar()
    bar.setValue(bar.maximum() - 300)
    place = bar.value()
    view.append_text("and more words " * 200)
    qtbot.wait(50)
    assert bar.value() == place
    assert transcript._down.isVisible()
    transcript._down.click()
    assert at_end(transcript)
    view.append_text("and more words " * 200)
    qtbot.wait(50)
    assert at_end(transcript)


def test_question_is_shown_and_copied_as_it_was_written(
    transcript: Transcript, qapp: QApplication
) -> None:
    view = transcript.add(message(1, HOSTILE))
    block = view.findChild(TextBlock)
    assert block.toPlainText() == HOSTILE.replace("\u00a0", " ")  # Qt shows it as a space
    view.copy()
    assert qapp.clipboard().text() == HOSTILE
    block.selectAll()
    block.copy()
    assert not qapp.clipboard().mimeData().hasHtml()


def test_streaming_repaints_the_tail_only(transcript: Transcript, qtbot: QtBot) -> None:
    class Painted(QObject):
        count = 0

        def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
            self.count += event.type() == QEvent.Type.Paint
            return False

    transcript.show_messages([message(1, "question"), message(2, "old answer")])
    view = transcript.add(message(4, "", "streaming"))
    qtbot.wait(50)
    counter = Painted()
    for number in (1, 2):
        transcript.view(number).findChild(TextBlock).viewport().installEventFilter(counter)
    for _ in range(10):
        view.append_text("new words 新的字 ")
        qtbot.wait(5)
    assert view.text()
    assert counter.count == 0


def test_long_words_are_broken_not_cut(transcript: Transcript, qtbot: QtBot) -> None:
    transcript.show_messages([message(1, "x" * 2000), message(2, "y" * 2000)])
    for number in (1, 2):
        block = transcript.view(number).findChild(TextBlock)
        assert block.document().size().width() <= block.width()
        assert block.height() >= block.document().size().height()
    assert transcript.horizontalScrollBar().maximum() == 0


def test_selection_survives_new_text(transcript: Transcript) -> None:
    view = transcript.add(message(2, "first words", "streaming"))
    block = view.findChild(ProseBlock)
    cursor = block.textCursor()
    cursor.select(cursor.SelectionType.Document)
    block.setTextCursor(cursor)
    view.append_text(" and more")
    assert block.textCursor().selectedText() == "first words"
