"""An answer's blocks as a reader meets them: real widgets, streamed and at once."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QObject, Qt, QUrl, Slot
from PySide6.QtGui import QContextMenuEvent, QDesktopServices, QTextCursor
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton, QScrollArea
from pytestqt.qtbot import QtBot
from test_markdown_stream import documents
from test_transcript import message

from app import theme
from app.blocks import TextBlock
from app.markdown import code
from app.markdown.code import CodeBlock
from app.markdown.formula import typeset
from app.markdown.formula_block import FormulaBlock
from app.markdown.prose import ProseBlock
from app.markdown.table import TableBlock
from app.markdown.view import MarkdownView
from app.message_view import MessageView
from app.transcript import Transcript
from engine.resources import RESOURCES

ANSWER = """# Title

Some **bold** words, `code` and $x^2$.

```python
def f(): return "text"
```

| a | b |
|---|--:|
| 1 | $y$ |

$$
\\frac{a}{b}
$$

> the end
"""


@pytest.fixture
def answer(qapp: QApplication, qtbot: QtBot) -> Iterator[MarkdownView]:
    window = QScrollArea(widgetResizable=True)
    qtbot.addWidget(window)
    view = MarkdownView()
    window.setWidget(view)
    window.resize(600, 800)
    with qtbot.waitExposed(window):
        window.show()
    yield view
    window.close()


def show(view: MarkdownView, text: str, size: int = 1000) -> None:
    for start in range(0, len(text), size):
        view.append_text(text[start : start + size])
    view.finish()


def text_of(block: object) -> TextBlock:
    return block.text if isinstance(block, CodeBlock) else block


def signature(view: MarkdownView) -> list[tuple[str, str, list[tuple[int, int, str]]]]:
    """What can be seen: kinds of blocks, their rich text, the colours and places of code."""
    result = []
    for block in view.blocks:
        document = text_of(block).document()
        spans = []
        if isinstance(block, CodeBlock):
            while block.colors.is_reading():
                QApplication.processEvents()
            line = document.begin()
            while line.isValid():
                spans += [
                    (f.start, f.length, f.format.foreground().color().name())
                    for f in line.layout().formats()
                ]
                line = line.next()
        result.append((type(block).__name__, document.toHtml(), spans))
    return result


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(documents, st.integers(1, 9))
def test_streamed_widgets_equal_those_shown_at_once(
    qapp: QApplication, text: str, size: int
) -> None:
    streamed, whole = MarkdownView(), MarkdownView()
    show(streamed, text, size)
    show(whole, text, max(1, len(text)))
    assert signature(streamed) == signature(whole)
    assert streamed.plain_text() == whole.plain_text()
    for view in (streamed, whole):
        view.deleteLater()


def test_slowly_coloured_code_ends_with_all_its_colours(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "```python\n" + "".join(f"x = {n}  # {n}\n" * 2 for n in range(30)) + "```\n"
    whole, streamed = MarkdownView(), MarkdownView()
    show(whole, text)
    expected = signature(whole)
    monkeypatch.setattr(code, "_SLICE_SECONDS", 0)
    show(streamed, text, 5)
    assert signature(streamed) == expected
    for view in (streamed, whole):
        view.deleteLater()


def test_each_kind_has_its_block(answer: MarkdownView) -> None:
    show(answer, ANSWER, 3)
    kinds = [type(block) for block in answer.blocks]
    assert kinds == [ProseBlock, CodeBlock, TableBlock, FormulaBlock, ProseBlock]
    shown = answer.plain_text()
    assert shown == (
        'Title\nSome bold words, code and $x^2$.\n\ndef f(): return "text"\n\n'
        "a\tb\n1\t$y$\n\n$$\n\\frac{a}{b}\n$$\n\nthe end"
    )


def test_closed_blocks_are_not_touched_again(answer: MarkdownView) -> None:
    answer.append_text(ANSWER + "\n\nnext")
    blocks = answer.blocks[:-1]
    revisions = [text_of(block).document().revision() for block in blocks]
    for word in ("more ", "words\n\n", "- and\n", "- items\n\n", "```\n", "code\n"):
        answer.append_text(word)
    assert answer.blocks[: len(blocks)] == blocks
    assert [text_of(block).document().revision() for block in blocks] == revisions


def test_html_and_images_are_text(answer: MarkdownView) -> None:
    show(
        answer,
        "<b>x</b> <script>alert(1)</script> ![a cat](https://example.com/c.png)\n\n<img src=x>",
    )
    shown = answer.plain_text()
    assert "<b>x</b> <script>alert(1)</script> a cat (https://example.com/c.png)" in shown
    assert "<img src=x>" in shown
    assert "<img" not in answer.blocks[0].document().toHtml()


@pytest.mark.parametrize(
    "frame",
    ["{}", "# {}", "- {}", "> {}", "| {} | b |\n|--|--|\n| {} | d |", "```\n{}\n```", "${}$"],
)
def test_no_block_ever_holds_a_picture(answer: MarkdownView, frame: str) -> None:
    source = (RESOURCES / "icons/geb-chat.svg").as_uri()
    for picture in (f'<img src="{source}">', f"![x]({source})", f"[![x]({source})](https://x.org)"):
        answer.append_text(frame.replace("{}", picture) + "\n\n")
    answer.finish()
    assert source in answer.plain_text()
    for block in answer.text_blocks():
        formats = block.document().allFormats()
        assert not any(style.isImageFormat() for style in formats)


@pytest.mark.parametrize(
    "address",
    ["file:///etc/passwd", "javascript:alert(1)", "data:text/html,x", "ftp://x.org", "a.html"],
)
def test_other_links_are_plain_text(answer: MarkdownView, address: str) -> None:
    show(answer, f"[words]({address}) <{address}> ![words]({address})")
    assert "<a " not in answer.blocks[0].document().toHtml()
    assert address in answer.plain_text()


class Browser(QObject):
    """Stands for the system's browser."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    @Slot(QUrl)
    def open(self, url: QUrl) -> None:
        self.opened.append(url.toString())


@pytest.fixture
def browser() -> Iterator[Browser]:
    browser = Browser()
    QDesktopServices.setUrlHandler("https", browser, "open")
    yield browser
    QDesktopServices.unsetUrlHandler("https")


@pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen platform, of any dialog
@pytest.mark.parametrize("agreed", [True, False])
def test_link_opens_after_its_address_was_shown(
    answer: MarkdownView, browser: Browser, qtbot: QtBot, agreed: bool
) -> None:
    show(answer, "[harmless](https://example.com/a?b=c)")
    block = answer.blocks[0]
    block.anchorClicked.emit(QUrl("https://example.com/a?b=c"))
    box = answer.window().findChild(QMessageBox)
    assert box.informativeText() == "https://example.com/a?b=c"
    assert not browser.opened
    label = "Open" if agreed else "Cancel"
    button = next(b for b in box.findChildren(QPushButton) if b.text().replace("&", "") == label)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert browser.opened == (["https://example.com/a?b=c"] if agreed else [])


@pytest.mark.qt_log_ignore("propagateSizeHints")  # the offscreen platform, of any dialog
def test_click_on_a_link_asks(answer: MarkdownView, qtbot: QtBot) -> None:
    show(answer, "https://example.com")
    block = answer.blocks[0]
    place = block.cursorRect(QTextCursor(block.document())).center()
    place.setX(place.x() + 12)
    qtbot.mouseClick(block.viewport(), Qt.MouseButton.LeftButton, pos=place)
    box = answer.window().findChild(QMessageBox)
    assert box.informativeText() == "https://example.com"
    box.reject()


def test_blocks_follow_the_scheme(
    answer: MarkdownView, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(answer, ANSWER)
    light = signature(answer)
    plain = answer.plain_text()
    monkeypatch.setattr(theme, "colors", lambda: theme.DARK)
    qapp.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    dark = signature(answer)
    assert theme.LIGHT.text in light[0][1]
    assert not any(theme.LIGHT.text in html for _, html, _ in dark)
    assert [spans for *_, spans in dark] != [spans for *_, spans in light]
    assert answer.plain_text() == plain
    monkeypatch.undo()
    qapp.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Light)
    assert signature(answer) == light


def test_code_is_copied_and_scrolls_sideways(
    answer: MarkdownView, qapp: QApplication, qtbot: QtBot
) -> None:
    show(answer, "```\n" + "x" * 300 + "\n\tb\n```")
    block = answer.blocks[0]
    assert isinstance(block, CodeBlock)
    qtbot.waitUntil(lambda: block.text.horizontalScrollBar().maximum() > 0)
    assert block.text.verticalScrollBar().maximum() == 0
    block.copy()
    assert qapp.clipboard().text() == "x" * 300 + "\n\tb"


@pytest.mark.parametrize("latex", ["\\frac{", "x^", "\U0001f600", "路\\ x", "x" * 3000])
def test_unreadable_formula_is_shown_as_source(answer: MarkdownView, latex: str) -> None:
    show(answer, f"in text ${latex}$\n\n$$\n{latex}\n$$")
    assert answer.blocks[0].toPlainText() == f"in text ${latex}$"
    assert answer.blocks[1].toPlainText() == f"$$\n{latex}\n$$"


def test_formula_is_drawn_in_the_colour_of_the_text(answer: MarkdownView) -> None:
    show(answer, "$$\nx\n$$")
    picture = answer.blocks[0].grab().toImage()
    seen = {
        picture.pixelColor(x, y).lightness()
        for x in range(picture.width())
        for y in range(picture.height())
    }
    assert min(seen) < 80


def test_chinese_in_a_formula_is_drawn_at_its_place(qapp: QApplication) -> None:
    formula = typeset(r"\frac{路}{\text{用时 }t} x_{下}^{上}", 20, True)
    places = {letter.text: letter for letter in formula.letters}
    assert set(places) == set("路用时下上")
    assert places["路"].y < places["用"].y == places["时"].y
    assert places["用"].x < places["时"].x
    assert places["上"].y < places["下"].y
    assert places["上"].size < places["路"].size
    assert "#fe" not in formula.svg


@pytest.mark.parametrize(
    "latex",
    [
        "\\frac{1}{" * 15 + "x" + "}" * 15,  # would take a minute
        "{" * 900 + "x" + "}" * 900,
        "a^2+" * 400,
        "\\text{<image href='file:///etc/passwd'/>}",
        "x\\hspace{1000000em}y",
    ],
)
def test_hostile_formula_is_not_drawn(qapp: QApplication, latex: str) -> None:
    assert typeset("x", 20, True) is not None
    assert typeset(latex, 20, True) is None


def test_prices_are_no_formula(answer: MarkdownView) -> None:
    show(answer, "between $5 and $6; \\$x")
    assert answer.plain_text() == "between $5 and $6; $x"


def test_selected_cells_are_copied_as_a_table(answer: MarkdownView, qapp: QApplication) -> None:
    show(answer, "| a | b |\n|--|--|\n| *c* | d |\n")
    block = answer.blocks[0]
    block.selectAll()
    block.copy()
    assert qapp.clipboard().text() == "a\tb\nc\td"


def test_selection_spans_paragraphs_and_stays_while_text_comes(
    answer: MarkdownView, qapp: QApplication
) -> None:
    answer.append_text("one\n\n- two\n- three")
    block = answer.blocks[0]
    block.selectAll()
    for piece in (" and", " more\n", "- four"):
        answer.append_text(piece)
    assert answer.blocks == [block]
    block.copy()
    assert qapp.clipboard().text() == "one\n•\ttwo\n•\tthree"


def test_message_is_copied_as_text_and_as_markdown(qtbot: QtBot, qapp: QApplication) -> None:
    transcript = Transcript()
    qtbot.addWidget(transcript)
    view = transcript.add(message(2, ANSWER))
    assert isinstance(view, MessageView)
    block = view.findChild(ProseBlock)
    place = block.rect().center()
    menu = block.make_menu(QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, place))
    actions = {action.text(): action for action in menu.actions()}
    actions["Copy message as Markdown"].trigger()
    assert qapp.clipboard().text() == ANSWER
    actions["Copy message as text"].trigger()
    assert qapp.clipboard().text().startswith("Title\nSome bold words")
    menu.deleteLater()


def test_many_blocks_at_once_come_one_after_the_other_but_all(
    answer: MarkdownView, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys and other events come in between; the end waits for nothing."""
    monkeypatch.setattr("app.markdown.view._PATIENCE_SECONDS", -1.0)
    text = "one\n\n```\nx = 1\n```\n\n| a |\n|---|\n| 1 |\n\ntwo\n\n```\ny = 2\n```\n\nthree"
    answer.append_text("zero\n\n")
    answer.append_text(text, patient=True)
    assert len(answer.blocks) < 6
    qtbot.waitUntil(lambda: len(answer.blocks) == 6)
    expected = show_whole(qtbot, "zero\n\n" + text)
    answer.finish()
    assert answer.plain_text() == expected
    other = MarkdownView()
    qtbot.addWidget(other)
    other.append_text("zero\n\n" + text, patient=True)
    other.finish()
    assert other.plain_text() == expected


def show_whole(qtbot: QtBot, text: str) -> str:
    view = MarkdownView()
    qtbot.addWidget(view)
    view.append_text(text)
    view.finish()
    return view.plain_text()
