"""The indexing process: it keeps up with the folders, survives, and ends when it should."""

import shutil
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from library_helpers import index, wait_until

from engine.documents.library.events import LibraryEvent, LibraryFailed
from engine.documents.library.library import Library
from engine.documents.service import DocumentService
from engine.errors import StoreError


@pytest.fixture
def events() -> list[LibraryEvent]:
    return []


@pytest.fixture
def service(tmp_path: Path, events: list[LibraryEvent]) -> Iterator[DocumentService]:
    service = DocumentService(tmp_path / "library.sqlite3", events.append)
    yield service
    service.close()
    assert not indexers()


def indexers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if _indexes(child)]


def _indexes(process: psutil.Process) -> bool:
    try:
        return any("engine.documents.indexing.process" in word for word in process.cmdline())
    except psutil.NoSuchProcess:  # it ended
        return False


def names(service: DocumentService, question: str) -> list[str]:
    retrieval = service.retrieve(question).result()
    return [passage.file.name for passage in retrieval.passages]


def test_it_keeps_up_with_the_folder(
    tmp_path: Path, service: DocumentService, events: list[LibraryEvent]
) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "tea.md").write_text("# 绿茶\n\n绿茶用未经发酵的茶叶制成。\n")
    number = service.add_collection("mine", [folder]).result()
    wait_until(lambda: service.progress(number).indexed == 1)
    retrieval = service.retrieve("绿茶是用什么制成的？", collections=[number]).result()
    assert retrieval.answerable
    assert retrieval.passages[0].heading_path(0) == ("绿茶",)
    assert events
    (folder / "new").mkdir()
    (folder / "new" / "bridge.txt").write_text("赵州桥是隋代工匠李春设计的。")
    wait_until(lambda: names(service, "赵州桥是谁设计的？") == ["bridge.txt"])
    (folder / "new" / "bridge.txt").write_text("洛阳桥在泉州，由蔡襄主持建造。")
    wait_until(
        lambda: names(service, "洛阳桥在哪里？") == ["bridge.txt"], lambda: service.files(number)
    )
    (folder / "new").rename(folder / "old")
    wait_until(lambda: {f.path.parent.name for f in service.files(number)} == {"documents", "old"})
    shutil.rmtree(folder / "old")
    wait_until(lambda: service.progress(number).total == 1)
    assert names(service, "洛阳桥在哪里？") == []
    service.remove_collection(number).result()
    assert service.collections() == []


def test_killed_while_it_indexes_it_goes_on(tmp_path: Path, service: DocumentService) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    for number in range(120):
        (folder / f"{number}.txt").write_text(f"Number {number} is kept here. " * 400)
    number = service.add_collection("mine", [folder]).result()
    seen = 0
    for _ in range(2):
        # A fast indexer may be through by then.
        wait_until(lambda: service.progress(number).indexed > min(seen, 119))  # noqa: B023
        seen = service.progress(number).indexed
        for process in indexers():
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert service.progress(number).indexed >= seen  # nothing starts over
    wait_until(lambda: service.progress(number).indexed == 120)
    assert service.progress(number).failed == 0
    assert "77.txt" in names(service, "Number 77")


def test_what_waits_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "library.sqlite3"
    (tmp_path / "a.txt").write_text("The Yangtze is the longest river of Asia.")
    with Library(path) as library:
        number = library.add_collection("mine", [tmp_path / "a.txt"])
        library.set_paused(number, paused=True)
    service = DocumentService(path, lambda _event: None)
    try:
        wait_until(lambda: service.progress(number).waiting == 1)
        service.set_paused(number, paused=False).result()
        wait_until(lambda: service.progress(number).indexed == 1)
    finally:
        service.close()


def test_a_damaged_library_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "library.sqlite3"
    path.write_bytes(b"no database at all " * 400)
    service = DocumentService(path, lambda _event: None)
    try:
        assert service.set_aside is not None
        assert service.set_aside.read_bytes().startswith(b"no database")
        assert service.collections() == []
        assert str(service.set_aside) in service.library_notice()
    finally:
        service.close()


def test_the_folders_of_a_damaged_library_are_saved_and_read_again(tmp_path: Path) -> None:
    path, folder = tmp_path / "library.sqlite3", tmp_path / "documents"
    folder.mkdir()
    (folder / "tea.txt").write_text("绿茶用未经发酵的茶叶制成。")
    with Library(path) as library:
        library.add_collection("茶 tea", [folder])
        index(library)
    with closing(sqlite3.connect(path)) as connection:
        [page] = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'passages'"
        ).fetchone()
    data = bytearray(path.read_bytes())
    data[(page - 1) * 4096 : page * 4096] = b"\xa5" * 4096
    path.write_bytes(data)
    service = DocumentService(path, lambda _event: None)
    try:
        assert "Collections that could be saved: 1;" in service.library_notice()
        [collection] = service.collections()
        assert (collection.name, collection.roots[0].path) == ("茶 tea", folder)
        wait_until(lambda: service.progress(collection.id).indexed == 1)
        assert names(service, "绿茶是用什么制成的？") == ["tea.txt"]
    finally:
        service.close()


def test_a_library_of_a_newer_version_is_searched_and_left_untouched(tmp_path: Path) -> None:
    path, folder = tmp_path / "library.sqlite3", tmp_path / "documents"
    folder.mkdir()
    (folder / "tea.txt").write_text("绿茶用未经发酵的茶叶制成。")
    with Library(path) as library:
        library.add_collection("tea", [folder])
        index(library)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    service = DocumentService(path, lambda _event: None)
    try:
        assert "newer version of GEB Chat: it can be read" in service.library_notice()
        assert names(service, "绿茶是用什么制成的？") == ["tea.txt"]
        with pytest.raises(StoreError, match="newer version"):
            service.add_collection("more", []).result()
        assert not indexers()
    finally:
        service.close()
    assert path.read_bytes() == before


def test_failures_come_as_events(tmp_path: Path) -> None:
    """The library's file becomes a folder: nothing can be opened there."""
    events: list[LibraryEvent] = []
    path = tmp_path / "library.sqlite3"
    service = DocumentService(path, events.append)
    try:
        wait_until(lambda: bool(indexers()))
        for process in indexers():
            process.kill()
            process.wait()
        for part in tmp_path.glob("library.sqlite3*"):
            part.unlink()
        path.mkdir()
        wait_until(lambda: any(isinstance(event, LibraryFailed) for event in events))
        path.rmdir()
    finally:
        service.close()


def test_one_that_writes_without_a_pause_shuts_nobody_out(
    tmp_path: Path, service: DocumentService
) -> None:
    """As the indexer does: one transaction after the other, each of some tenths of a second."""
    number = service.add_collection("mine", []).result()
    stopped, writing = threading.Event(), threading.Event()

    def write() -> None:
        with Library(tmp_path / "library.sqlite3") as library:
            while not stopped.is_set():
                with library.transaction():
                    library.set_state("test", 1)
                    writing.set()
                    stopped.wait(0.3)

    rival = threading.Thread(target=write)
    rival.start()
    try:
        assert writing.wait(10)
        service.set_paused(number, paused=True).result()
        service.rename_collection(number, "yours").result()
        service.remove_collection(service.add_collection("other", []).result()).result()
    finally:
        stopped.set()
        rival.join()
    assert service.progress(number).paused
    assert [collection.name for collection in service.collections()] == ["yours"]
