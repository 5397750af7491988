"""The library in the window: what is in it, how far it has come, what is found there."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from document_helpers import write_papers
from PySide6.QtCore import QCoreApplication, QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog, QMessageBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.documents.events import LibraryEvents
from app.documents.files_model import FilesModel, status_text
from app.documents.progress import progress_text, time_left
from app.documents.window import DocumentsWindow
from app.texts import show_all_again
from engine.documents.answering.sources import Citation
from engine.documents.library.events import LibraryChanged, LibraryFailed
from engine.documents.library.types import Collection, FileStatus, Progress
from engine.documents.service import DocumentService
from engine.errors import StoreError
from engine.i18n import set_language


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_papers(tmp_path / "papers")


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


def drop(window: QWidget, paths: list[Path], at: QPoint | None = None) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(at or QPoint(10, 10)), copy, mime, left, none))


@pytest.fixture
def papers(
    open_documents: Callable[[], tuple[DocumentsWindow, DocumentService]],
    qtbot: QtBot,
    folder: Path,
) -> tuple[DocumentsWindow, DocumentService]:
    """A window that shows the folder's three files, which have been read."""
    window, service = open_documents()
    window.add([folder])
    wait_until_indexed(qtbot, service, 3)
    qtbot.waitUntil(lambda: window.list.count() == 1, timeout=10_000)
    return window, service


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
    papers: tuple[DocumentsWindow, DocumentService],
    qtbot: QtBot,
) -> None:
    window, _ = papers
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
    papers: tuple[DocumentsWindow, DocumentService],
    qtbot: QtBot,
) -> None:
    window, _ = papers
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


def test_in_the_list_files_are_dropped_on_a_collection_or_beside_all(
    open_documents: Callable[[], tuple[DocumentsWindow, DocumentService]],
    qtbot: QtBot,
    folder: Path,
    tmp_path: Path,
) -> None:
    window, service = open_documents()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        window.add_as_new([tmp_path / name])
    qtbot.waitUntil(lambda: window.page.title.text() == "two", timeout=10_000)

    def roots() -> dict[str, list[str]]:
        return {c.name: [root.path.name for root in c.roots] for c in service.collections()}

    viewport = window.list.viewport()
    # The list has just appeared, and has its place only when the window is laid out anew.
    qtbot.waitUntil(lambda: viewport.height() > 100 and viewport.width() > 100)
    first = window.list.visualItemRect(window.list.item(0)).center()
    drop(window, [folder / "light.txt"], viewport.mapTo(window, first))
    qtbot.waitUntil(lambda: roots()["one"] == ["one", "light.txt"], timeout=10_000)
    assert window.page.title.text() == "one"
    below = QPoint(first.x(), viewport.height() - 5)
    drop(window, [folder], viewport.mapTo(window, below))
    qtbot.waitUntil(lambda: window.page.title.text() == "papers", timeout=10_000)
    assert roots() == {"one": ["one", "light.txt"], "two": ["two"], "papers": ["papers"]}


def test_the_key_that_deletes_removes_a_collection_in_the_list_alone(
    open_documents: Callable[[], tuple[DocumentsWindow, DocumentService]],
    qtbot: QtBot,
    folder: Path,
) -> None:
    window, _service = open_documents()
    window.add([folder / "light.txt"])
    qtbot.waitUntil(lambda: window.list.count() == 1, timeout=10_000)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.search.setFocus()
    qtbot.keyClick(window.search, Qt.Key.Key_Delete)
    assert window.findChild(QMessageBox) is None
    window.list.setFocus()
    qtbot.keyClick(window.list, Qt.Key.Key_Delete)
    assert window.findChild(QMessageBox) is not None
    window.findChild(QMessageBox).reject()


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
    papers: tuple[DocumentsWindow, DocumentService],
    qtbot: QtBot,
    folder: Path,
) -> None:
    window, service = papers
    window.remove_action.trigger()
    box = window.findChild(QMessageBox)
    agree = next(button for button in box.findChildren(QPushButton) if button.text() == "Remove")
    agree.click()
    qtbot.waitUntil(lambda: service.collections() == [], timeout=10_000)
    assert (folder / "light.txt").exists()


def test_nothing_is_said_of_a_library_that_is_closed(qtbot: QtBot) -> None:
    events = LibraryEvents()
    said: list[object] = []
    events.changed.connect(lambda: said.append("changed"))
    events.failed.connect(said.append)
    events.post(LibraryChanged())
    events.post(LibraryFailed(StoreError("The disk is full.")))
    events.close()
    QCoreApplication.processEvents()
    assert not said
    assert not any(timer.isActive() for timer in events.findChildren(QTimer))
    events.post(LibraryChanged())
    QCoreApplication.processEvents()
    assert not any(timer.isActive() for timer in events.findChildren(QTimer))
    events.deleteLater()


def test_a_library_is_read_while_it_is_seen_and_seldom_if_that_is_slow(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent, events = QWidget(), LibraryEvents()
    with closing(DocumentService(tmp_path / "library.sqlite3", lambda _event: None)) as service:
        read: list[int] = []
        collections = service.collections

        def slowly() -> list[Collection]:
            read.append(1)
            threading.Event().wait(0.05)
            return collections()

        window = DocumentsWindow(service, events, parent)
        monkeypatch.setattr(service, "collections", slowly)
        with qtbot.waitSignal(events.changed):
            events.post(LibraryChanged())
        assert not read
        window.show()
        assert len(read) == 1
        with qtbot.waitSignal(events.changed):
            events.post(LibraryChanged())
        assert len(read) == 2
        [timer] = events.findChildren(QTimer)
        assert timer.interval() >= 500
        window.close()
        events.close()
    parent.deleteLater()


@pytest.mark.parametrize(
    ("progress", "said"),
    [
        ({"indexed": 0, "waiting": 0, "failed": 0, "passages": 0}, "No documents yet."),
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
    values = {
        "passages": None,
        "waiting_bytes": 0,
        "seconds_left": None,
        "paused": False,
    } | progress
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
