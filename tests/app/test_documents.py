"""Documents in the conversation: what a question asks, and what its answer rests on."""

import shutil
from pathlib import Path

import pytest
from document_helpers import LIGHT, passage, write_papers
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
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


def test_the_chip_says_what_is_asked_and_remembers_ticks(qtbot: QtBot) -> None:
    chip = ScopeButton()
    qtbot.addWidget(chip)
    assert chip.asked == ()
    assert chip.text() == "Documents"
    names = {7: "Papers", 8: "Law", 9: "A report of the harbour with all its appendices"}
    chip.show_collections(
        [Collection(id=key, name=name, paused=False, roots=()) for key, name in names.items()]
    )
    chip.add_collection(7)
    assert (chip.text(), chip.asked) == ("Papers", (7,))
    chip.add_collection(8)
    chip.add_collection(9)
    assert (chip.text(), chip.asked) == ("Papers, Law +1", (7, 8, 9))
    chip.choose([9])
    assert chip.text() == "A report of the…pendices"
    chip.choose([7])
    assert chip.chosen == (7,)
    assert chip.accessibleName() == "Asks: Papers"
    chip.choose([])
    assert chip.asked == ()
    chip.choose([99])  # of a library that was replaced
    assert chip.asked == ()


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


def test_an_attached_file_is_asked_until_it_is_removed(
    open_window: OpenWindow, qtbot: QtBot, folder: Path
) -> None:
    window = open_window(model=default_bundle_path())
    window.drop.take([folder / "灯塔.md"])
    for question in ("灯塔是哪一年建成的？", "夜里它做什么？"):
        assert window.desk.attached.files == (folder / "灯塔.md",)
        window.chat.send(question)
        qtbot.waitUntil(lambda: not answering(window), timeout=120_000)
        assert views(window)[-1].sources is not None
    window.desk.attached.chips[0].button.click()
    assert window.desk.asked() is None
    assert window.desk.attached.isHidden()
    window.chat.send("你好")
    qtbot.waitUntil(lambda: not answering(window), timeout=120_000)
    assert views(window)[-1].sources is None


def test_open_documents_can_be_dropped_and_old_ones_say_what_to_do(
    open_window: OpenWindow, folder: Path
) -> None:
    window = open_window(model=None)
    sheets = folder / "accounts.ods"
    sheets.write_bytes(b"PK\x03\x04 to be taken apart when it is asked")
    (folder / "old.doc").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 90)
    window.drop.take([sheets, folder / "old.doc"])
    assert window.desk.attached.files == (sheets,)
    assert window.chat.notice.text() == (
        "old.doc: Files of this older kind cannot be read; save it as .docx, .pptx or .xlsx."
    )


def test_every_conversation_has_its_own_files(
    open_window: OpenWindow, folder: Path, store: Store
) -> None:
    window = open_window(model=None)
    first = window.chat.conversation_id
    assert first is not None
    window.desk.take_files([folder / "light.txt", folder / "灯塔.md", folder / "light.txt"])
    window.chat.composer.set_text("a draft, so that it stays")
    other = store.create_conversation().id
    window.chat.open(other)
    assert window.desk.asked() is None
    window.desk.take_files([folder / "灯塔.md"])
    window.chat.open(first)
    assert window.desk.attached.files == (folder / "light.txt", folder / "灯塔.md")
    window.chat.open(other)
    assert window.desk.attached.files == (folder / "灯塔.md",)


def test_keys_walk_to_an_attached_file_and_remove_it(
    open_window: OpenWindow, qtbot: QtBot, folder: Path
) -> None:
    window = open_window(model=None)
    (folder / "R&D <b>plan.txt").write_text(LIGHT, encoding="utf-8")
    names = ["light.txt", "R&D <b>plan.txt", "灯塔.md"]
    window.desk.take_files([folder / name for name in names])
    attached, edit = window.desk.attached, window.chat.composer.edit
    assert [chip.label.text() for chip in attached.chips] == names
    assert attached.chips[0].button.accessibleName() == "Remove light.txt"
    edit.setFocus()
    walked = []
    for _ in range(4):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        walked.append(QApplication.focusWidget())
    assert walked == [*(chip.button for chip in attached.chips), window.desk.scope]
    attached.chips[1].button.setFocus()
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Delete)
    assert attached.files == (folder / "light.txt", folder / "灯塔.md")
    assert attached.chips[1].button.hasFocus()
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Delete)
    assert attached.chips[0].button.hasFocus()
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Backspace)
    assert attached.files == ()
    assert edit.hasFocus()


def test_many_attached_files_leave_room_for_the_text(
    open_window: OpenWindow, qtbot: QtBot, folder: Path
) -> None:
    window = open_window(model=None)
    attached = window.desk.attached
    papers = [
        folder / f"{number} with a name as long as those of papers are.txt" for number in "abc"
    ]
    for paper in papers:
        paper.write_text(LIGHT, encoding="utf-8")
    window.desk.take_files(papers)
    qtbot.waitUntil(lambda: attached.chips[2].y() > 0)  # beside and below each other
    assert "…" in attached.chips[0].label.text()
    assert attached.chips[0].label.text().endswith(".txt")
    assert attached.verticalScrollBar().maximum() == 0
    few = attached.height()
    window.desk.take_files([folder / "light.txt"] + [_copy(paper) for paper in papers * 4])
    qtbot.waitUntil(lambda: attached.verticalScrollBar().maximum() > 0)
    assert few < attached.height() < 2 * few
    for chip in attached.chips:
        assert attached.viewport().width() >= chip.geometry().right()


def _copy(paper: Path) -> Path:
    number = len(list(paper.parent.iterdir()))
    return Path(shutil.copy(paper, paper.with_stem(f"{paper.stem} {number}")))


def test_an_attached_file_that_is_gone_says_so(
    open_window: OpenWindow, qtbot: QtBot, folder: Path, store: Store
) -> None:
    window = open_window(model=default_bundle_path())
    window.desk.take_files([folder / "light.txt"])
    (folder / "light.txt").unlink()
    window.chat.send("When was the lighthouse built?")
    qtbot.waitUntil(lambda: not answering(window), timeout=120_000)
    number = window.chat.conversation_id
    assert number is not None
    answer = store.thread(number)[-1]
    assert (answer.status, answer.error) == (
        "failed",
        "light.txt: The file cannot be read: No such file or directory.",
    )
    assert len(window.desk.attached.chips) == 1  # it may come back


def test_a_file_that_cannot_be_read_is_refused_when_it_is_attached(
    open_window: OpenWindow, tmp_path: Path
) -> None:
    window = open_window(model=None)
    strange, fine = tmp_path / "strange.xyz", tmp_path / "fine.txt"
    strange.write_bytes(bytes(range(256)) * 9)
    fine.write_text(LIGHT, encoding="utf-8")
    window.desk.take_files([strange, fine])
    assert window.desk.attached.files == (fine,)
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
