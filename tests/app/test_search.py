"""Searching all conversations, and finding in the open one."""

import pytest
from hypothesis import HealthCheck, given, settings
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from test_markdown_stream import documents
from test_versions import conversation
from window_helpers import OpenWindow, compose

from app.blocks import TextBlock
from app.markdown.plain import shown_lines
from app.markdown.view import MarkdownView
from app.transcript import PAGE
from app.window import MainWindow
from engine.store import Store

CONTROL_SHIFT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


def search(window: MainWindow, qtbot: QtBot, query: str) -> list[str]:
    """Type a query, wait for its results and return their rows."""
    qtbot.keyClick(window, Qt.Key.Key_F, CONTROL_SHIFT)
    panel = window.sidebar.search
    with qtbot.waitSignal(panel._searcher.found, check_params_cb=lambda q, _: q == query):
        panel.field.setText(query)
    QApplication.processEvents()
    return [row.text for row in panel.model.rows]


def marked(window: MainWindow) -> list[str]:
    """Return the words that are marked in the transcript, in the order of reading."""
    blocks = [block for view in window.chat.transcript.views() for block in view.blocks()]
    return [s.cursor.selectedText() for block in blocks for s in block.extraSelections()]


def seen(window: MainWindow, block: TextBlock) -> bool:
    transcript = window.chat.transcript
    return (
        transcript.viewport()
        .rect()
        .intersects(
            block.rect().translated(block.mapTo(transcript.viewport(), block.rect().topLeft()))
        )
    )


def test_chinese_words_of_two_characters_are_found_and_marked(
    open_window: OpenWindow, qtbot: QtBot, store: Store
) -> None:
    conversation(store, "今天天气很好", "是的，**天气**不错")
    conversation(store, "apples", "pears")
    window = open_window(model=None)
    assert search(window, qtbot, "天气") == ["Chat", "是的，**天气**不错", "今天天气很好"]
    panel = window.sidebar.search
    assert panel.pages.currentWidget() is panel.results
    qtbot.keyClick(panel.field, Qt.Key.Key_Return)
    assert window.chat.transcript.views()[0].text() == "今天天气很好"
    assert marked(window) == ["天气"]


def test_hit_is_shown_in_its_branch(open_window: OpenWindow, qtbot: QtBot, store: Store) -> None:
    texts = [f"text {n} " + "word " * 40 for n in range(80)]
    messages = conversation(store, *texts)
    hidden = store.add_message(
        messages[0].conversation_id, "assistant", "a hidden treasure", parent_id=messages[4].id
    )
    store.show_version(messages[5].id)
    conversation(store, "another")
    window = open_window(model=None)
    assert search(window, qtbot, "treasure hid") == ["Chat", "a hidden treasure"]
    panel = window.sidebar.search
    qtbot.keyClick(panel.field, Qt.Key.Key_Down)
    qtbot.keyClick(panel.results, Qt.Key.Key_Return)
    view = window.chat.transcript.view(hidden.id)
    assert view is not None
    assert view.toolbar.place.text() == "2/2"
    assert marked(window) == ["hid", "treasure"]
    assert seen(window, view.blocks()[0])
    # The other branch is there as it was, one step away, and so is its early message.
    assert search(window, qtbot, "text 7") == ["Chat", texts[7][:121]] or panel.model.rows
    qtbot.keyClick(panel.field, Qt.Key.Key_Escape)
    assert panel.field.text() == ""
    assert window.chat.composer.edit.hasFocus()


def test_early_message_is_built_and_shown(
    open_window: OpenWindow, qtbot: QtBot, store: Store
) -> None:
    messages = conversation(store, *(f"number{n} " + "word " * 60 for n in range(150)))
    window = open_window(model=None)
    assert window.chat.transcript.built_count() == PAGE
    search(window, qtbot, "number12")
    first = next(
        n
        for n, row in enumerate(window.sidebar.search.model.rows)
        if row.message_id == messages[12].id
    )
    window.sidebar.search._choose(window.sidebar.search.model.index(first))
    view = window.chat.transcript.view(messages[12].id)
    assert view is not None
    assert seen(window, view.blocks()[0])
    assert marked(window) == ["number12"]


def test_titles_are_found_and_nothing_is_said_to_be_nothing(
    open_window: OpenWindow, qtbot: QtBot, store: Store
) -> None:
    gardens = store.create_conversation("Gardens of Suzhou")
    conversation(store, "first", "one")
    window = open_window(model=None)
    assert search(window, qtbot, "suzhou") == ["Gardens of Suzhou"]
    qtbot.keyClick(window.sidebar.search.field, Qt.Key.Key_Return)
    assert window.chat.conversation_id == gardens.id
    assert search(window, qtbot, "nowhere") == []
    assert window.sidebar.search._nothing.isVisible()
    window.sidebar.search.field.clear()
    assert window.sidebar.list.isVisible()


def test_composing_text_is_not_searched_for(open_window: OpenWindow, qtbot: QtBot) -> None:
    window = open_window(model=None)
    field = window.sidebar.search.field
    field.setFocus()
    with qtbot.assertNotEmitted(window.sidebar.search._searcher.found, wait=50):
        compose(field, "tian'qi")
    with qtbot.waitSignal(window.sidebar.search._searcher.found) as found:
        compose(field, "", commit="天气")
    assert found.args[0] == "天气"


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(documents)
def test_unbuilt_text_is_as_it_will_look(qapp: QApplication, text: str) -> None:
    view = MarkdownView()
    view.append_text(text)
    view.finish()
    built = "\n".join(block.toPlainText() for block in view.text_blocks())
    assert _letters("\n".join(shown_lines(text))) == _letters(built)
    view.deleteLater()


def _letters(text: str) -> list[str]:
    """Lines with something in them; what is drawn may be shown as source where it cannot be."""
    lines = (line.replace("\u00a0", " ").strip() for line in text.split("\n"))
    return [line for line in lines if line and "\ufffc" not in line and "$" not in line]


def find(window: MainWindow, qtbot: QtBot, query: str) -> str:
    """Look for `query` and return what the bar says when all messages are counted."""
    qtbot.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    window.chat.find_bar.field.setText(query)
    qtbot.waitUntil(lambda: not window.chat.finder.is_counting)
    return window.chat.find_bar.count.text()


def test_find_counts_and_walks_in_both_directions(
    open_window: OpenWindow, qtbot: QtBot, store: Store
) -> None:
    conversation(
        store, "rain and Rain", "more **ra**in\n\n```\nrain()\n```\n\n| rain |\n|---|\n| x |"
    )
    window = open_window(model=None)
    assert find(window, qtbot, "rain") == "1 of 5"
    assert marked(window) == ["rain", "Rain", "rain", "rain", "rain"]
    bar = window.chat.find_bar
    qtbot.keyClick(bar.field, Qt.Key.Key_Return)
    assert bar.count.text() == "2 of 5"
    qtbot.keyClick(bar.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(bar.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert bar.count.text() == "5 of 5"
    window.findChild(QAction, "find-next").trigger()
    assert bar.count.text() == "1 of 5"
    qtbot.keyClick(bar.field, Qt.Key.Key_Escape)
    assert not bar.isVisible()
    assert marked(window) == []
    assert window.chat.composer.edit.hasFocus()


def test_find_counts_messages_that_are_not_built(
    open_window: OpenWindow, qtbot: QtBot, store: Store
) -> None:
    messages = conversation(store, *(f"needle{n} " + "hay 草 " * 60 for n in range(120)))
    window = open_window(model=None)
    assert find(window, qtbot, "needle").endswith("of 120")
    assert window.chat.transcript.built_count() == PAGE
    assert find(window, qtbot, "needle3 ") == "1 of 1"
    view = window.chat.transcript.view(messages[3].id)
    assert view is not None
    assert seen(window, view.blocks()[0])
    assert find(window, qtbot, "nothing") == "Not found"
    assert not window.chat.find_bar.forth.isEnabled()


def test_find_begins_with_what_is_selected(
    open_window: OpenWindow, qtbot: QtBot, store: Store
) -> None:
    conversation(store, "word and word", "answer")
    window = open_window(model=None)
    block = window.chat.transcript.views()[0].blocks()[0]
    block.setFocus()
    cursor = block.textCursor()
    cursor.select(cursor.SelectionType.WordUnderCursor)
    block.setTextCursor(cursor)
    qtbot.keyClick(block, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert window.chat.find_bar.field.text() == "word"
    assert window.chat.find_bar.count.text() == "1 of 2"


@pytest.mark.parametrize("query", ["", " ", "*", "\\", "\U0001f600"])
def test_odd_queries_do_no_harm(
    open_window: OpenWindow, qtbot: QtBot, store: Store, query: str
) -> None:
    conversation(store, "a * \\ b \U0001f600 c", "plain")
    window = open_window(model=None)
    find(window, qtbot, query)
    assert set(marked(window)) <= {query, query.replace(" ", "\u00a0")}
