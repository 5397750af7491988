"""Collections, files that change, move and vanish, and what is found of them."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from library_helpers import TextReader, found, index, scan

from engine.documents.document import Document
from engine.documents.indexing.indexer import Indexer
from engine.documents.library import contents, queue
from engine.documents.library.library import Library
from engine.documents.search.retrieval import Retriever
from engine.errors import DocumentError, StoreError

RIVER = "The Yangtze is the longest river of Asia."
TEA = "绿茶用未经发酵的茶叶制成。"
BRIDGE = "赵州桥是隋代工匠李春设计的。"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    (folder / "inner").mkdir(parents=True)
    (folder / "river.txt").write_text(RIVER)
    (folder / "inner" / "tea.txt").write_text(TEA)
    return folder


@pytest.fixture
def library(tmp_path: Path, folder: Path) -> Iterator[Library]:
    with Library(tmp_path / "library.sqlite3") as library:
        library.add_collection("mine", [folder])
        index(library)
        yield library


def statuses(library: Library) -> dict[str, str]:
    return {
        file.path.name: file.status
        for collection in library.collections()
        for file in library.files(collection.id)
    }


def counts(library: Library) -> dict[str, int]:
    tables = ("documents", "pages", "blocks", "sections", "passages")
    return {
        table: library.database.execute(f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608
        for table in tables
    }


def index_is_sound(library: Library) -> bool:
    """Return whether the index holds every passage's words and no other's."""
    library.database.execute("INSERT INTO passage_words (passage_words) VALUES ('integrity-check')")
    [[rows]] = library.database.execute("SELECT sum(doc) FROM word_counts")
    ids = [row["id"] for row in library.database.execute("SELECT id FROM passages")]
    texts = contents.TextReader(library.database).passages(ids)
    indexed = contents.index_words(passage.text for passage in texts)
    return (rows or 0) == sum(len(words.split()) for words in indexed)


def test_what_folders_hold_is_found(library: Library, folder: Path) -> None:
    assert found(library, "Which river is the longest in Asia?") == ["river.txt"]
    assert found(library, "绿茶是用什么制成的？") == ["tea.txt"]
    [passage] = Retriever(library).retrieve("绿茶").passages
    assert passage.file == folder / "inner" / "tea.txt"
    assert (passage.page, passage.start, passage.end, passage.text) == (None, 0, len(TEA), TEA)
    [collection] = library.collections()
    progress = library.progress(collection.id)
    assert (progress.indexed, progress.waiting, progress.failed, progress.total) == (2, 0, 0, 2)
    assert progress.seconds_left is None
    [river, tea] = sorted(library.files(collection.id), key=lambda file: file.size)
    assert (tea.pages, tea.passages, river.failure) == (1, 1, None)


def test_progress_is_the_sum_of_the_files(library: Library, folder: Path) -> None:
    (folder / "two.txt").write_text(f"{RIVER}\f{TEA}")
    (folder / "bad.txt").write_text("BAD")
    library.add_collection("other", [folder / "inner", folder / "river.txt", folder / "bad.txt"])
    library.add_collection("empty")

    def check() -> tuple[int, ...]:
        for collection in library.collections():
            files = library.files(collection.id)
            waiting = [file for file in files if file.status in ("waiting", "indexing")]
            passages = sum(file.passages or 0 for file in files)
            progress = library.progress(collection.id)
            assert progress.indexed == sum(file.status == "indexed" for file in files)
            assert progress.failed == sum(file.status == "failed" for file in files)
            assert progress.waiting == len(waiting)
            assert progress.waiting_bytes == sum(file.size for file in waiting)
            assert progress.passages == (None if waiting else passages)
        mine, other, _ = (library.progress(one.id) for one in library.collections())
        return (mine.indexed, mine.waiting, mine.failed, other.indexed, other.waiting, other.failed)

    assert check() == (2, 0, 0, 0, 0, 0)
    scan(library)
    assert check() == (2, 2, 0, 0, 3, 0)
    queue.claim(library, 1)
    assert check() == (2, 2, 0, 0, 3, 0)
    queue.recover_unfinished(library)
    index(library)
    assert check() == (3, 0, 1, 2, 0, 1)
    assert [library.progress(one.id).passages for one in library.collections()] == [4, 2, 0]


def test_many_files_keep_their_own_words(library: Library, folder: Path) -> None:
    """More than are taken at once, and among them one that is written in several portions."""
    for number in range(300):
        (folder / f"{number}.txt").write_text(f"Only here stands w{number}x, and nowhere else.")
    (folder / "150.txt").write_text("w150x and many others. " * 20_000)
    assert len(index(library)) == 300
    for number in (0, 127, 128, 149, 151, 299):
        assert found(library, f"w{number}x") == [f"{number}.txt"]
    assert set(found(library, "w150x")) == {"150.txt"}
    assert index_is_sound(library)


def test_nothing_is_read_twice(library: Library, folder: Path) -> None:
    assert index(library) == []
    shutil.copy(folder / "river.txt", folder / "copy.txt")
    (folder / "inner").rename(folder / "renamed")
    before = counts(library)
    assert index(library) == []
    assert statuses(library) == dict.fromkeys(("river.txt", "copy.txt", "tea.txt"), "indexed")
    assert counts(library) == before
    assert Retriever(library).retrieve("绿茶").passages[0].file.parent.name == "renamed"
    os.utime(folder / "river.txt", (1, 1))
    assert index(library) == []


def test_a_changed_file_is_read_again(library: Library, folder: Path) -> None:
    path = folder / "river.txt"
    path.write_text(BRIDGE)
    scan(library)
    assert found(library, "longest river") == ["river.txt"]  # until it is read
    assert index(library) == [path]
    assert found(library, "赵州桥是谁设计的？") == ["river.txt"]
    assert found(library, "longest river") == []


def test_what_is_deleted_is_not_found_and_leaves_nothing(library: Library, folder: Path) -> None:
    for number in range(40):
        (folder / f"{number}.txt").write_text(f"Page {number} of many.\fAnother. " * 30)
    index(library)
    shutil.rmtree(folder / "inner")
    for number in range(1, 40):
        (folder / f"{number}.txt").unlink()
    index(library)
    assert found(library, "绿茶") == []
    assert sorted(statuses(library)) == ["0.txt", "river.txt"]
    while contents.erase_some(library):
        pass
    assert counts(library)["documents"] == 2
    assert index_is_sound(library)
    library.remove_collection(library.collections()[0].id)
    assert found(library, "longest river") == []
    while contents.erase_some(library):
        pass
    assert set(counts(library).values()) == {0}
    assert index_is_sound(library)


def test_a_file_that_fails_is_tried_again_only_when_it_changes(
    library: Library, folder: Path
) -> None:
    bad = folder / "bad.txt"
    bad.write_text("BAD")
    assert index(library) == [bad]
    assert index(library) == []
    [collection] = library.collections()
    [file] = library.files(collection.id, status="failed")
    assert str(file.failure) == "The file is damaged or incomplete."
    assert (file.pages, library.progress(collection.id).failed) == (None, 1)
    bad.write_text(BRIDGE)
    assert index(library) == [bad]
    assert found(library, "赵州桥") == ["bad.txt"]


class _DyingReader(TextReader):
    """One whose process dies over a file so many times."""

    def __init__(self, deaths: int) -> None:
        super().__init__()
        self._deaths = deaths

    def read(self, path: Path) -> Document:
        document = super().read(path)
        if len(self.read_files) <= self._deaths:
            raise DocumentError("It died.", code="crashed")
        return document


@pytest.mark.parametrize(("deaths", "status"), [(4, "indexed"), (5, "failed")])
def test_a_file_whose_reader_died_is_read_again(
    library: Library, folder: Path, deaths: int, status: str
) -> None:
    """One death used to be enough, whoever had ended the reader."""
    (folder / "new.txt").write_text(BRIDGE)
    scan(library)
    reader = _DyingReader(deaths)
    while Indexer(library.path, reader).run():
        pass
    assert statuses(library)["new.txt"] == status
    assert len(reader.read_files) == 5
    assert found(library, "赵州桥") == (["new.txt"] if status == "indexed" else [])


def test_files_over_which_it_died_take_turns(library: Library, folder: Path) -> None:
    """The first of them was read again each time, until it was given up for no fault of its own."""
    for name in "abc":
        (folder / f"{name}.txt").write_text(BRIDGE + name)
    scan(library)
    assert len(queue.claim(library, 10)) == 3
    taken = []
    for _ in range(6):
        queue.recover(library)
        [file] = queue.claim(library, 10)
        taken.append(file.path.stem)
    assert taken == list("abcabc")


def test_a_folder_that_is_away_keeps_what_was_read(library: Library, folder: Path) -> None:
    away = folder.with_name("away")
    folder.rename(away)
    index(library)
    assert found(library, "绿茶") == ["tea.txt"]
    [root] = library.collections()[0].roots
    assert "is not there now" in str(root.problem)
    away.rename(folder)
    assert index(library) == []
    assert library.collections()[0].roots[0].problem is None


def test_a_drive_that_leaves_an_empty_folder_keeps_what_was_read(
    library: Library, folder: Path
) -> None:
    shutil.rmtree(folder)
    folder.mkdir()
    library.database.execute("UPDATE roots SET device = device + 1")
    index(library)
    assert found(library, "绿茶") == ["tea.txt"]
    assert library.collections()[0].roots[0].problem is not None


def test_a_drive_that_vanishes_while_it_is_read(library: Library, folder: Path) -> None:
    (folder / "bridge.txt").write_text(BRIDGE)
    scan(library)
    away = folder.with_name("away")
    folder.rename(away)
    assert Indexer(library.path, TextReader()).run() == 0
    assert statuses(library)["bridge.txt"] == "waiting"
    assert library.collections()[0].roots[0].problem is not None
    away.rename(folder)
    assert index(library) == [folder / "bridge.txt"]


def test_links_in_circles_and_hidden_files(library: Library, folder: Path) -> None:
    (folder / "inner" / "up").symlink_to(folder, target_is_directory=True)
    (folder / "self").symlink_to(folder / "self")
    (folder / ".hidden.txt").write_text(BRIDGE)
    (folder / "picture.png").write_bytes(b"\x89PNG")
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / "a.txt").write_text(BRIDGE)
    outside = folder.with_name("outside")
    outside.mkdir()
    (outside / "bridge.txt").write_text(BRIDGE)
    (folder / "link").symlink_to(outside, target_is_directory=True)
    index(library)
    assert sorted(statuses(library)) == ["bridge.txt", "river.txt", "tea.txt"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser reads everything")
def test_a_folder_that_cannot_be_read_keeps_what_was_read(library: Library, folder: Path) -> None:
    (folder / "inner").chmod(0)
    try:
        index(library)
        assert found(library, "绿茶") == ["tea.txt"]
    finally:
        (folder / "inner").chmod(0o700)


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_names_in_any_encoding(library: Library, folder: Path) -> None:
    name = os.fsencode(folder) + b"/" + "赵州桥".encode("gb18030") + b".txt"
    Path(os.fsdecode(name)).write_text(BRIDGE)
    index(library)
    [passage] = Retriever(library).retrieve("赵州桥是谁设计的").passages
    assert os.fsencode(passage.file) == name


def test_only_the_chosen_collections_are_searched(library: Library, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "bridge.txt").write_text(BRIDGE)
    (other / "also.txt").write_text(TEA)
    number = library.add_collection("other", [other])
    index(library)
    first = library.collections()[0].id
    assert found(library, "赵州桥", collections=[first]) == []
    assert found(library, "赵州桥", collections=[number]) == ["bridge.txt"]
    assert found(library, "绿茶", collections=[number]) == ["also.txt"]
    assert found(library, "绿茶", collections=[first, number]) == ["tea.txt"]
    assert found(library, "绿茶", collections=[]) == []


def test_a_paused_collection_waits(library: Library, folder: Path) -> None:
    [collection] = library.collections()
    library.set_paused(collection.id, paused=True)
    (folder / "bridge.txt").write_text(BRIDGE)
    assert index(library) == []
    progress = library.progress(collection.id)
    assert (progress.waiting, progress.paused, progress.seconds_left) == (1, True, None)
    library.set_paused(collection.id, paused=False)
    assert library.progress(collection.id).seconds_left is not None
    assert index(library) == [folder / "bridge.txt"]


def test_a_file_that_changes_while_it_is_read_is_read_again(library: Library, folder: Path) -> None:
    path = folder / "bridge.txt"
    path.write_text(BRIDGE)

    class Disturbed(TextReader):
        def read(self, path: Path) -> object:  # type: ignore[override]
            document = super().read(path)
            if len(self.read_files) == 1:
                path.write_text("洛阳桥在泉州。")
            return document

    assert index(library, Disturbed()) == [path, path]
    assert found(library, "洛阳桥在哪里") == ["bridge.txt"]


def test_a_process_that_died_reading_a_file_leaves_it_for_last_then_alone(
    library: Library, folder: Path
) -> None:
    (folder / "bridge.txt").write_text(BRIDGE)
    scan(library)
    for _ in range(5):
        [file] = queue.claim(library, 10)
        assert file.path.name == "bridge.txt"
        queue.recover(library)
    assert queue.claim(library, 10) == []
    assert statuses(library)["bridge.txt"] == "failed"


def test_collections_have_names_and_must_be_there(library: Library, folder: Path) -> None:
    [collection] = library.collections()
    library.rename_collection(collection.id, " 书 ")
    library.add_paths(collection.id, [folder])
    assert [(c.name, len(c.roots)) for c in library.collections()] == [("书", 1)]
    library.remove_path(collection.id, folder)
    assert library.files(collection.id) == []
    for call in (library.progress, library.remove_collection):
        with pytest.raises(StoreError, match="no such collection"):
            call(99)
