"""Documents in the window: the library, what a question asks, sources and their preview."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QDropEvent, QImage, QPainter, QPdfWriter
from PySide6.QtWidgets import QFileDialog, QMessageBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot
from window_helpers import OpenWindow, answering, views

from app import theme
from app.documents.events import LibraryEvents
from app.documents.files_model import FilesModel, status_text
from app.documents.preview import Preview
from app.documents.progress import progress_text, time_left
from app.documents.scope_button import ScopeButton
from app.documents.sources_row import SourcesRow
from app.documents.window import DocumentsWindow
from app.texts import show_all_again
from engine.bundle import default_bundle_path
from engine.documents.answering.sources import Citation, Claim, Sources
from engine.documents.library.library import Library
from engine.documents.library.types import Collection, FileStatus, Progress
from engine.documents.passages import RetrievedPassage
from engine.documents.sandbox import DocumentReader
from engine.documents.service import DocumentService
from engine.i18n import set_language
from engine.store import Store

LIGHT = "The lighthouse stands on a rock. It was built in 1882 by the city. It shines at night."
ZH = "灯塔建在礁石上。它由城市于一八八二年建成。夜里它发光。"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "light.txt").write_text(LIGHT, encoding="utf-8")
    (folder / "灯塔.md").write_text(ZH, encoding="utf-8")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 not really")
    return folder


@pytest.fixture
def open_documents(
    qtbot: QtBot, tmp_path: Path
) -> Iterator[Callable[[], tuple[DocumentsWindow, DocumentService]]]:
    opened: list[tuple[DocumentsWindow, DocumentService, LibraryEvents, QWidget]] = []

    def open_one() -> tuple[DocumentsWindow, DocumentService]:
        parent, events = QWidget(), LibraryEvents()
        service = DocumentService(tmp_path / "library.sqlite3", events.post)
        window = DocumentsWindow(service, events, parent)
        window.show()
        opened.append((window, service, events, parent))
        return window, service

    yield open_one
    for window, service, events, parent in opened:
        window.close()
        events.close()
        service.close()
        parent.deleteLater()


def wait_until_indexed(qtbot: QtBot, service: DocumentService, files: int) -> None:
    def done() -> bool:
        collections = service.collections()
        progress = [service.progress(c.id) for c in collections]
        return bool(progress) and sum(p.indexed + p.failed for p in progress) == files

    qtbot.waitUntil(done, timeout=60_000)


def drop(window: QWidget, paths: list[Path]) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(10, 10), copy, mime, left, none))


def test_a_dropped_folder_becomes_a_collection_whose_files_are_told(
    open_documents: Callable[[], tuple[DocumentsWindow, DocumentService]],
    qtbot: QtBot,
    folder: Path,
) -> None:
    window, service = open_documents()
    assert "drop them here" in window.beginning.text.text()
    assert window.beginning.isVisible()
    assert window.focusWidget() is window.beginning.folder_button
    drop(window, [folder])
    wait_until_indexed(qtbot, service, 3)
    qtbot.waitUntil(lambda: "could not be read" in window.page.state.text(), timeout=10_000)
    assert window.list.item(0).text() == "papers"
    model = window.page.model
    rows = {model.file(model.index(row, 0)).path.name: row for row in range(model.rowCount())}
    assert set(rows) == {"light.txt", "灯塔.md", "broken.pdf"}
    status = {name: model.index(row, 1).data() for name, row in rows.items()}
    assert status["light.txt"] == "Indexed"
    assert "damaged" in status["broken.pdf"]
    # Only what failed.
    window.page.filter.setCurrentIndex(4)
    assert [model.file(model.index(row, 0)).path.name for row in range(model.rowCount())] == [
        "broken.pdf"
    ]


def test_a_search_finds_passages_in_both_languages(
    open_documents: Callable[[], tuple[DocumentsWindow, DocumentService]],
    qtbot: QtBot,
    folder: Path,
) -> None:
    window, service = open_documents()
    window.add([folder])
    wait_until_indexed(qtbot, service, 3)
    for question, name in (("When was the lighthouse built?", "light.txt"), ("灯塔", "灯塔.md")):
        window.search.setText(question)
        window.start_search()
        qtbot.waitUntil(lambda: window.found.list.count() > 0, timeout=20_000)
        texts = [window.found.list.item(n).text() for n in range(window.found.list.count())]
        assert any(text.startswith(name) for text in texts)
        window.search.clear()
        assert window.page.isVisible()
        window.found.list.clear()


def test_a_search_shows_the_sentence_and_ends_with_the_choice_of_a_collection(
    open_documents: Callable[[], tuple[DocumentsWindow, DocumentService]],
    qtbot: QtBot,
    folder: Path,
) -> None:
    window, service = open_documents()
    window.add([folder])
    wait_until_indexed(qtbot, service, 3)
    qtbot.waitUntil(lambda: window.list.count() == 1, timeout=10_000)
    opened: list[Citation] = []
    window.opened.connect(opened.append)
    window.search.setText("city")
    window.start_search()
    qtbot.waitUntil(lambda: window.found.list.count() > 0, timeout=20_000)
    first = window.found.list.item(0)
    assert first.text() == "light.txt\nIt was built in 1882 by the city."
    window.found.list.itemActivated.emit(first)
    assert opened[0].text == "It was built in 1882 by the city."
    assert not window.found.list.horizontalScrollBar().isVisible()
    set_language("zh_CN")
    try:
        show_all_again()
        assert window.found.summary.text() == "找到 1 个段落"
    finally:
        set_language("en")
        show_all_again()
    rectangle = window.list.visualItemRect(window.list.item(0))
    qtbot.mouseClick(window.list.viewport(), Qt.MouseButton.LeftButton, pos=rectangle.center())
    assert window.page.isVisible()
    window.start_search()
    qtbot.waitUntil(window.found.isVisible, timeout=20_000)


def test_files_that_failed_are_one_click_away(
    open_documents: Callable[[], tuple[DocumentsWindow, DocumentService]],
    qtbot: QtBot,
    folder: Path,
    tmp_path: Path,
) -> None:
    window, service = open_documents()
    (folder / "below").mkdir()
    (folder / "below" / "light.txt").write_text("Another light.", encoding="utf-8")
    window.add([folder])
    wait_until_indexed(qtbot, service, 4)
    qtbot.waitUntil(lambda: "could not be read" in window.page.state.text(), timeout=10_000)

    def shown() -> set[object]:
        model = window.page.model
        return {model.index(row, 0).data() for row in range(model.rowCount())}

    assert {"light.txt", str(Path("below", "light.txt"))} < shown()
    window.page.state.linkActivated.emit("failed")
    assert shown() == {"broken.pdf"}
    window.page.filter.setCurrentIndex(2)
    assert not window.page.table.isVisible()
    assert window.page.nothing.isVisible()
    # Another collection is shown whole.
    (tmp_path / "tea.txt").write_text("Tea is a drink.", encoding="utf-8")
    window.add_as_new([tmp_path / "tea.txt"])
    qtbot.waitUntil(lambda: shown() == {"tea.txt"}, timeout=20_000)
    assert window.page.filter.currentIndex() == 0


def test_what_was_added_is_taken_out_again(
    open_documents: Callable[[], tuple[DocumentsWindow, DocumentService]],
    qtbot: QtBot,
    folder: Path,
) -> None:
    window, service = open_documents()
    window.add([folder / "light.txt", folder / "灯塔.md"])
    wait_until_indexed(qtbot, service, 2)
    qtbot.waitUntil(lambda: window.page.model.rowCount() == 2, timeout=10_000)
    menu = window._menu()
    entries = {action.text(): action for action in menu.actions()}
    entries["Take “light.txt” out"].trigger()
    qtbot.waitUntil(lambda: window.page.model.rowCount() == 1, timeout=20_000)
    [file] = service.files(service.collections()[0].id)
    assert file.path.name == "灯塔.md"
    menu.deleteLater()


def test_the_dialogs_begin_where_documents_are(
    open_documents: Callable[[], tuple[DocumentsWindow, DocumentService]],
    qtbot: QtBot,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[str] = []

    def choose(_parent: QWidget, _title: str, start: str) -> tuple[list[str], str]:
        begun.append(start)
        return [str(folder / "light.txt")], ""

    monkeypatch.setattr(QFileDialog, "getOpenFileNames", choose)
    window, service = open_documents()
    window.beginning.files_button.click()
    wait_until_indexed(qtbot, service, 1)
    qtbot.waitUntil(lambda: window.list.count() == 1, timeout=10_000)
    window.add_button.menu().actions()[1].trigger()
    wait_until_indexed(qtbot, service, 2)
    assert len(service.collections()) == 2
    first, second = begun
    assert first not in ("", ".")
    assert second == str(folder)


def test_removing_a_collection_asks_first_and_leaves_the_files(
    open_documents: Callable[[], tuple[DocumentsWindow, DocumentService]],
    qtbot: QtBot,
    folder: Path,
) -> None:
    window, service = open_documents()
    window.add([folder])
    wait_until_indexed(qtbot, service, 3)
    qtbot.waitUntil(lambda: window.list.count() == 1, timeout=10_000)
    window.remove_action.trigger()
    box = window.findChild(QMessageBox)
    agree = next(button for button in box.findChildren(QPushButton) if button.text() == "Remove")
    agree.click()
    qtbot.waitUntil(lambda: service.collections() == [], timeout=10_000)
    assert (folder / "light.txt").exists()


def passage(
    file: Path, text: str, *, start: int, end: int, page: int | None = None
) -> RetrievedPassage:
    return RetrievedPassage(
        file=file,
        title=file.name,
        page_index=0,
        page=page,
        label="",
        heading_path=(),
        start=start,
        end=end,
        text=text[start:end],
        score=1.0,
    )


def test_the_preview_marks_the_cited_sentence(qtbot: QtBot, folder: Path) -> None:
    parent = QWidget()
    preview = Preview(parent)
    try:
        found = passage(folder / "灯塔.md", ZH, start=0, end=len(ZH))
        citation = Citation(number=1, passage=found, start=8, end=21)
        preview.show_citation(citation)
        qtbot.waitUntil(lambda: bool(preview.text.toPlainText()), timeout=30_000)
        cursor = preview.text.textCursor()
        assert cursor.position() == 8
        cursor.setPosition(10)
        assert cursor.charFormat().background().style() != Qt.BrushStyle.NoBrush
        cursor.setPosition(3)
        assert cursor.charFormat().background().style() == Qt.BrushStyle.NoBrush
        assert not preview.remark.text()
        # The file changes: the passage is shown as it was, and that is said.
        (folder / "灯塔.md").write_text("新的内容。", encoding="utf-8")
        preview.show_citation(citation)
        qtbot.waitUntil(lambda: "has changed" in preview.remark.text(), timeout=30_000)
        assert preview.text.toPlainText() == citation.text
        # It goes: one sentence.
        (folder / "灯塔.md").unlink()
        preview.show_citation(citation)
        qtbot.waitUntil(lambda: "cannot be read" in preview.remark.text(), timeout=30_000)
        assert "as it was" in preview.remark.text()
        assert preview.text.toPlainText() == ZH
        assert marked(preview) == citation.text
    finally:
        preview.close()
        preview.shutdown()
        parent.deleteLater()


@pytest.fixture
def preview(qtbot: QtBot) -> Iterator[Preview]:
    parent = QWidget()
    preview = Preview(parent)
    yield preview
    preview.close()
    preview.shutdown()
    parent.deleteLater()


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    """Three pages."""
    path = tmp_path / "three.pdf"
    writer = QPdfWriter(str(path))
    painter = QPainter(writer)
    painter.drawText(QPointF(500, 900), "A keeper lights the lamp.")
    writer.newPage()
    painter.drawText(QPointF(500, 900), "Ships pass the rock at night.")
    writer.newPage()
    painter.drawText(QPointF(500, 900), "Gulls wake everyone early.")
    painter.end()
    return path


def marked(preview: Preview) -> str:
    """The characters with a mark behind them."""
    cursor = preview.text.textCursor()
    text = preview.text.toPlainText()
    found = ""
    for place, character in enumerate(text):
        cursor.setPosition(place + 1)
        if cursor.charFormat().background().style() != Qt.BrushStyle.NoBrush:
            found += character
    return found


def test_of_a_second_source_no_more_is_marked_than_of_the_first(
    qtbot: QtBot, preview: Preview, folder: Path
) -> None:
    zh = passage(folder / "灯塔.md", ZH, start=0, end=len(ZH))
    en = passage(folder / "light.txt", LIGHT, start=0, end=len(LIGHT))
    for found, start, end in ((zh, 0, 8), (en, 33, 66), (zh, 8, 21)):
        preview.show_citation(Citation(number=1, passage=found, start=start, end=end))
        qtbot.waitUntil(lambda: bool(preview.text.toPlainText()), timeout=30_000)
        assert marked(preview) == found.text[start:end]


def test_the_preview_turns_pages_and_fills_its_window(
    qtbot: QtBot, preview: Preview, pdf: Path
) -> None:
    with DocumentReader() as reader:
        text = reader.read(pdf).pages[1].text
    found = replace(passage(pdf, text, start=0, end=len(text), page=2), page_index=1)
    preview.show_passage(found)
    qtbot.waitUntil(preview.switch_button.isVisible, timeout=30_000)
    qtbot.waitUntil(preview.number.isVisible, timeout=30_000)
    assert preview.number.text() == "Page 2 of 3"
    assert marked(preview) == text
    narrow = preview.page_area.picture.pixmap().width()
    preview.resize(preview.width() + 200, preview.height())
    qtbot.waitUntil(
        lambda: preview.page_area.picture.pixmap().width() > narrow + 150, timeout=30_000
    )
    preview.forth.trigger()
    assert "Gulls" in preview.text.toPlainText()
    assert marked(preview) == ""
    assert not preview.forth.isEnabled()
    qtbot.waitUntil(lambda: not preview.page_area.picture.pixmap().isNull(), timeout=30_000)
    assert preview.pages.currentWidget() is preview.page_area
    preview.back.trigger()
    assert marked(preview) == text


def test_a_file_that_no_program_opens_is_said(
    qtbot: QtBot, preview: Preview, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda _url: False)
    preview.show_passage(passage(folder / "light.txt", LIGHT, start=0, end=9))
    qtbot.waitUntil(lambda: bool(preview.text.toPlainText()), timeout=30_000)
    preview.system_button.click()
    assert preview.remark.text() == "No program of this computer opened light.txt."


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


@pytest.mark.parametrize(
    ("progress", "said"),
    [
        ({"indexed": 0, "waiting": 0, "failed": 0}, "No documents yet."),
        (
            {"indexed": 3, "waiting": 7, "failed": 0, "seconds_left": 30.0},
            "less than a minute left",
        ),
        ({"indexed": 3, "waiting": 7, "failed": 1, "seconds_left": 600.0}, "about 10 min left"),
        ({"indexed": 3, "waiting": 7, "failed": 0, "paused": True}, "paused"),
        ({"indexed": 10, "waiting": 0, "failed": 2, "passages": 80}, "10 files, 80 passages"),
    ],
)
def test_progress_is_a_sentence(progress: dict[str, object], said: str) -> None:
    values = {"passages": 0, "waiting_bytes": 0, "seconds_left": None, "paused": False} | progress
    assert said in progress_text(Progress(**values))


def test_long_waits_are_told_in_hours() -> None:
    assert time_left(3 * 3600) == "about 3 h left"


def test_ten_thousand_files_are_read_a_page_at_a_time(qtbot: QtBot) -> None:
    asked: list[tuple[int, int]] = []

    def read(_status: object, limit: int, offset: int) -> list[FileStatus]:
        asked.append((limit, offset))
        return [
            FileStatus(
                id=number,
                collection_id=1,
                path=Path(f"/{number}"),
                size=1,
                status="waiting",
                failure=None,
                pages=None,
                passages=None,
            )
            for number in range(offset, min(offset + limit, 10_000))
        ]

    parent = QWidget()
    qtbot.addWidget(parent)
    model = FilesModel(parent)
    model.show_files(read, None)
    assert model.rowCount() == 200
    assert model.canFetchMore(model.index(-1, -1))
    model.fetchMore(model.index(-1, -1))
    assert model.rowCount() == 400
    assert asked == [(200, 0), (200, 200)]
    assert status_text(model.file(model.index(0, 0))) == "Waiting"


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
