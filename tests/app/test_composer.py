"""When Enter sends and when it does not."""

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from window_helpers import compose

from app.composer import Composer

# A composer is no window of its own, but for these tests.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


@pytest.fixture
def composer(qtbot: QtBot) -> Composer:
    composer = Composer()
    qtbot.addWidget(composer)
    composer.resize(500, 100)
    with qtbot.waitActive(composer):
        composer.show()
        composer.activateWindow()
    composer.setFocus()
    return composer


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_enter_sends(composer: Composer, qtbot: QtBot, key: Qt.Key) -> None:
    qtbot.keyClicks(composer.edit, " hello ")
    with qtbot.waitSignal(composer.send_requested) as sent:
        qtbot.keyClick(composer.edit, key)
    assert sent.args == ["hello"]


def test_shift_enter_breaks_the_line(composer: Composer, qtbot: QtBot) -> None:
    qtbot.keyClicks(composer.edit, "one")
    with qtbot.assertNotEmitted(composer.send_requested):
        qtbot.keyClick(composer.edit, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClicks(composer.edit, "two")
    assert composer.text() == "one\ntwo"


def test_enter_never_sends_while_composing(composer: Composer, qtbot: QtBot) -> None:
    qtbot.keyClicks(composer.edit, "say ")
    compose(composer.edit, "ni'hao")
    with qtbot.assertNotEmitted(composer.send_requested):
        qtbot.keyClick(composer.edit, Qt.Key.Key_Return)
    compose(composer.edit, "", commit="你好")
    assert composer.text().replace("\n", "") == "say 你好"


def test_enter_sends_what_was_committed(composer: Composer, qtbot: QtBot) -> None:
    compose(composer.edit, "nihao")
    compose(composer.edit, "", commit="你好")
    with qtbot.waitSignal(composer.send_requested) as sent:
        qtbot.keyClick(composer.edit, Qt.Key.Key_Return)
    assert sent.args == ["你好"]


def test_send_button_while_composing_sends_only_committed_text(
    composer: Composer, qtbot: QtBot
) -> None:
    compose(composer.edit, "nihao")
    with qtbot.assertNotEmitted(composer.send_requested):
        qtbot.mouseClick(composer.button, Qt.MouseButton.LeftButton)


@pytest.mark.parametrize("text", ["", "   ", "\n\n"])
def test_nothing_is_not_sent(composer: Composer, qtbot: QtBot, text: str) -> None:
    composer.set_text(text)
    assert not composer.button.isEnabled()
    with qtbot.assertNotEmitted(composer.send_requested):
        qtbot.keyClick(composer.edit, Qt.Key.Key_Return)


def test_grows_with_its_text_up_to_a_limit(composer: Composer, qtbot: QtBot) -> None:
    heights = []
    for lines in (1, 3, 30, 300):
        composer.set_text("\n".join(["line"] * lines))
        heights.append(composer.edit.height())
    assert heights[0] < heights[1] < heights[2] == heights[3] < 260
    composer.set_text("")
    assert composer.edit.height() == heights[0]
