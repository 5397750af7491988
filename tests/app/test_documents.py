"""Documents in the conversation: what a question asks, and what its answer rests on."""

from pathlib import Path

import pytest
from document_helpers import LIGHT, passage, write_papers
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot
from window_helpers import OpenWindow, answering, views

from app import theme
from app.documents.preview import Preview
from app.documents.scope_button import ScopeButton
from app.documents.sources_row import SourcesRow
from engine.bundle import default_bundle_path
from engine.documents.answering.sources import Citation, Claim, Sources
from engine.documents.library.library import Library
from engine.documents.library.types import Collection
from engine.store import Store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_papers(tmp_path / "papers")


def test_sources_open_and_say_when_nothing_supports(qtbot: QtBot, folder: Path) -> None:
    found = passage(folder / "light.txt", LIGHT, start=0, end=len(LIGHT))
    citation = Citation(number=1, passage=found, start=33, end=66)
    row = SourcesRow()
    qtbot.addWidget(row)
    opened: list[object] = []
    row.opened.connect(opened.append)
    row.show_sources(
        Sources(
            question="When?",
            mode="extractive",
            answerable=True,
            passages=(found,),
            citations=(citation,),
            claims=(Claim(start=0, end=4, passages=(1,)),),
        )
    )
    [button] = row.buttons
    button.resize(260, button.height())
    assert button.text().startswith("[1] light.txt")
    assert button.text().endswith("…")
    assert "1882" in button.accessibleName()
    button.click()
    assert opened == [citation]
    row.show_sources(
        Sources(question="Who?", mode="extractive", answerable=False, passages=(found,))
    )
    assert "do not say it" in row.heading.text()
    row.buttons[0].click()
    assert opened[-1] == found


def test_the_chip_says_what_is_asked_and_remembers_ticks(qtbot: QtBot, tmp_path: Path) -> None:
    chip = ScopeButton()
    qtbot.addWidget(chip)
    assert chip.scope is None
    assert chip.text() == "Documents"
    chip.show_collections([Collection(id=7, name="Papers", paused=False, roots=())])
    chip.add_collection(7)
    chip.attach([tmp_path / "one.pdf"])
    assert chip.text() == "Papers, one.pdf"
    assert chip.scope is not None
    assert chip.scope.collections == (7,)
    assert chip.scope.files == (tmp_path / "one.pdf",)
    chip.attach([tmp_path / "A report of the harbour with all its appendices.docx"])
    assert chip.text() == "Papers, one.pdf +1"
    chip.choose([])
    chip.attach([tmp_path / "A report of the harbour with all its appendices.docx"])
    assert chip.text() == "A report of the…ces.docx"
    chip.choose([7])
    chip.forget_files()
    assert chip.chosen == (7,)
    assert chip.accessibleName() == "Asks: Papers"
    chip.choose([])
    assert chip.scope is None
    chip.choose([99])  # of a library that was replaced
    assert chip.scope is None


def test_a_question_is_answered_from_a_folder_and_the_source_is_shown(
    open_window: OpenWindow, qtbot: QtBot, folder: Path, store: Store
) -> None:
    window = open_window(model=default_bundle_path())
    documents = window.desk.open()
    assert documents is not None
    documents.add([folder])
    qtbot.waitUntil(lambda: "could not be read" in documents.page.state.text(), timeout=60_000)
    documents.page.ask_button.click()
    documents.close()
    assert window.desk.scope.text() == "papers"
    window.chat.send("When was the lighthouse built?")
    assert window.chat.conversation_id is not None
    qtbot.waitUntil(lambda: not answering(window), timeout=120_000)
    answer = views(window)[-1]
    assert answer.sources is not None
    assert "1882" in answer.text()
    [button] = answer.sources.buttons
    assert button.text().startswith("[1] light.txt")
    button.click()
    preview = window.findChild(Preview)
    assert preview is not None
    qtbot.waitUntil(lambda: bool(preview.text.toPlainText()), timeout=30_000)
    assert "1882" in preview.text.toPlainText()
    preview.close()
    # It is all there again when the conversation is opened anew.
    first = window.chat.conversation_id
    window.sidebar.new_button.click()
    assert window.desk.scope.text() == "Documents"
    window.chat.open(first)
    assert views(window)[-1].sources is not None
    assert window.desk.scope.text() == "papers"


def test_an_attached_file_is_asked_once(
    open_window: OpenWindow, qtbot: QtBot, folder: Path
) -> None:
    window = open_window(model=default_bundle_path())
    window.drop.take([folder / "灯塔.md"])
    assert window.desk.scope.text() == "灯塔.md"
    window.chat.send("灯塔是哪一年建成的？")
    assert window.desk.scope.scope is None
    qtbot.waitUntil(lambda: not answering(window), timeout=120_000)
    answer = views(window)[-1]
    assert answer.sources is not None
    assert "灯塔" in answer.text() or "一八八二" in answer.text()


def test_a_file_that_cannot_be_read_is_refused_when_it_is_attached(
    open_window: OpenWindow, tmp_path: Path
) -> None:
    window = open_window(model=None)
    strange, fine = tmp_path / "strange.xyz", tmp_path / "fine.txt"
    strange.write_bytes(bytes(range(256)) * 9)
    fine.write_text(LIGHT, encoding="utf-8")
    window.desk.take_files([strange, fine])
    assert window.desk.scope.text() == "fine.txt"
    assert window.chat.notice.text() == "strange.xyz: Files of this kind cannot be read."


def test_a_file_that_fails_later_is_named_while_the_rest_is_asked(
    open_window: OpenWindow, qtbot: QtBot, folder: Path
) -> None:
    window = open_window(model=default_bundle_path())
    strange = folder / "strange.xyz"
    strange.write_text("words", encoding="utf-8")
    window.desk.take_files([strange, folder / "light.txt"])
    strange.write_bytes(bytes(range(256)) * 9)
    window.chat.send("When was the lighthouse built?")
    qtbot.waitUntil(lambda: not answering(window), timeout=120_000)
    assert "1882" in views(window)[-1].text()
    assert window.chat.notice.text() == (
        "strange.xyz: Files of this kind cannot be read. The other documents were asked."
    )
    # With the next question it has had its time.
    window.desk.take_files([strange])
    assert window.chat.notice.text() == "strange.xyz: Files of this kind cannot be read."
    window.chat.send("Hello")
    assert window.chat.notice.isHidden()
    qtbot.waitUntil(lambda: not answering(window), timeout=120_000)


def test_the_menu_of_the_chip_takes_a_file_away(qtbot: QtBot, tmp_path: Path) -> None:
    chip = ScopeButton()
    qtbot.addWidget(chip)
    chip.attach([tmp_path / "R&D.pdf", tmp_path / "two.pdf"])
    chip.menu().aboutToShow.emit()
    entries = {action.text(): action for action in chip.menu().actions()}
    entries["Remove R&&D.pdf"].trigger()
    assert chip.text() == "two.pdf"
    assert chip.scope is not None
    assert chip.scope.files == (tmp_path / "two.pdf",)


def test_what_a_start_found_wrong_with_the_library_is_told(
    open_window: OpenWindow, store_file: Path
) -> None:
    path = store_file.with_name("library.sqlite3")
    path.write_bytes(b"no database " * 1000)
    window = open_window(model=None)
    window.desk.open()
    assert "library of documents was damaged" in window.chat.notice.text()
    window.close()
    with Library(path) as library:
        library.database.execute("PRAGMA user_version = 99")
    window = open_window(model=None)
    window.desk.open()
    assert "newer version of GEB Chat: it can be read" in window.chat.notice.text()


def test_asking_a_collection_leads_back_to_the_question(
    open_window: OpenWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    window = open_window(model=None)
    documents = window.desk.open()
    assert documents is not None
    [into, files] = documents._into_current
    assert not into.isEnabled()
    assert not files.isEnabled()
    (tmp_path / "tea").mkdir()
    documents.add_as_new([tmp_path / "tea"])
    qtbot.waitUntil(lambda: documents.list.count() == 1)
    documents.list.setCurrentRow(0)
    qtbot.waitUntil(into.isEnabled)
    documents.page.ask_requested.emit()
    assert len(window.desk.scope.chosen) == 1
    qtbot.waitUntil(lambda: window.isActiveWindow() and window.chat.composer.edit.hasFocus())
    documents.close()


def test_the_chips_picture_follows_the_colours(open_window: OpenWindow) -> None:
    window = open_window(model=None)

    def picture() -> QImage:
        return window.desk.scope.icon().pixmap(16).toImage()

    try:
        theme.choose("light", 100)
        light = picture()
        theme.choose("dark", 100)
        assert picture() != light
    finally:
        theme.choose("system", 100)
