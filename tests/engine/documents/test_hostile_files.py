"""Bad files, folders and disks cost nothing but the file at fault, whose reason is shown.

All of it runs through the real process that reads files, into a real library.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import document_files as files
import pytest
from library_helpers import TextReader, found, index, scan

from engine.documents.document import Document
from engine.documents.indexing import indexer, scanning
from engine.documents.indexing.indexer import Indexer
from engine.documents.library import queue
from engine.documents.library.library import Library
from engine.documents.sandbox import DocumentReader, ReadingLimits
from engine.errors import DocumentError, StoreError

BRIDGE = "赵州桥是隋代工匠李春设计的。"
_XXE = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><d><p><t>&x;</t></p></d>'
_CYCLE = ["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [2 0 R] /Count 9 >>"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    return folder


@pytest.fixture
def library(tmp_path: Path, folder: Path) -> Iterator[Library]:
    with Library(tmp_path / "library.sqlite3") as library:
        library.add_collection("mine", [folder])
        yield library


def read_all(library: Library, limits: ReadingLimits | None = None) -> dict[str, str]:
    """Index with the real reader; return "" or the code of its failure for each file."""
    scan(library)
    with DocumentReader(limits) as reader:
        Indexer(library.path, reader).run()
    return codes(library)


def codes(library: Library) -> dict[str, str]:
    return {
        os.fsencode(file.path.name).decode("utf-8", "replace"): _code(file.failure)
        for file in library.files(library.collections()[0].id)
        if file.status in ("indexed", "failed")
    }


def _code(failure: Exception | None) -> str:
    assert failure is None or isinstance(failure, DocumentError)
    return failure.code if failure else ""


def test_each_bad_file_fails_alone_and_says_why(library: Library, folder: Path) -> None:
    (folder / "a-good.txt").write_text(BRIDGE, encoding="utf-8")
    files.pack(folder / "xxe.docx", {"word/document.xml": _XXE})
    files.pack(folder / "bomb.docx", {"word/document.xml": b"<d>" + b"<p/>" * 3_000_000})
    (folder / "cycle.pdf").write_bytes(files.assemble(_CYCLE))
    (folder / "cut.pdf").write_bytes(files.assemble(_CYCLE)[:60])
    (folder / "empty.md").touch()
    (folder / "program.txt").write_bytes(b"\x7fELF\0\0\1\2" * 90)
    (folder / "old.doc").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 90)
    files.ods(folder / "sheets.ods")
    files.odp(folder / "slides.odp")
    (folder / "loop.txt").symlink_to(folder / "loop.txt")
    (folder / "round").symlink_to(folder, target_is_directory=True)
    name = os.fsencode(folder) + b"/" + "桥".encode("gb18030") + b".txt"
    Path(os.fsdecode(name)).write_text("洛阳桥在泉州。", encoding="utf-8")
    (folder / "z-good.txt").write_text("绿茶用茶叶制成。", encoding="utf-8")
    found_codes = read_all(library, ReadingLimits(cpu_seconds=1.0))
    assert found_codes.pop("cycle.pdf") in ("damaged", "empty")
    assert found_codes == {
        "a-good.txt": "",
        "xxe.docx": "damaged",
        "bomb.docx": "time_limit",
        "cut.pdf": "damaged",
        "empty.md": "empty",
        "program.txt": "unknown_kind",
        "old.doc": "old_office",
        "sheets.ods": "",
        "slides.odp": "",
        "\ufffd\ufffd.txt": "",
        "z-good.txt": "",
    }
    assert found(library, "赵州桥是谁设计的？") == ["a-good.txt"]
    assert len(found(library, "洛阳桥在哪里？")) == 1
    assert found(library, "绿茶") == ["z-good.txt"]
    for file in library.files(library.collections()[0].id, status="failed"):
        assert str(file.failure)
        assert "{" not in str(file.failure)


def test_a_pdf_that_needs_too_much_memory_is_said_to(library: Library, folder: Path) -> None:
    lines = "(Hello there) Tj 0 -1 Td " * 1_500_000
    page = "/Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R"
    font = "/Resources << /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
    content = f"BT /F 12 Tf {lines} ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< {page} {font} >>",
        f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
    ]
    (folder / "large.pdf").write_bytes(files.assemble(objects))
    (folder / "z-good.txt").write_text(BRIDGE, encoding="utf-8")
    limits = ReadingLimits(memory_bytes=250 << 20)
    assert read_all(library, limits) == {"large.pdf": "memory_limit", "z-good.txt": ""}


def test_a_full_disk_stops_the_indexing_and_loses_nothing(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        (folder / f"{number:02}.txt").write_text(f"Number {number}. {os.urandom(9000).hex()}")
    scan(library)
    [[pages]] = library.database.execute("PRAGMA page_count")

    class OnFullDisk(Library):
        def __init__(self, path: Path) -> None:
            super().__init__(path)
            self.database.execute(f"PRAGMA max_page_count = {pages + 40}")

    with monkeypatch.context() as patch:
        patch.setattr(indexer, "Library", OnFullDisk)
        for _ in range(6):  # the application tries again; none of it is the files' fault
            with pytest.raises(StoreError, match="The disk is full"):
                Indexer(library.path, TextReader()).run()
            queue.recover(library)
    assert library.database.execute("PRAGMA quick_check")[0][0] == "ok"
    progress = library.progress(library.collections()[0].id)
    assert progress.failed == 0
    assert progress.waiting > 0
    index(library)
    assert library.progress(library.collections()[0].id).indexed == 30
    assert found(library, "Number 17", limit=1) == ["17.txt"]


def test_a_drive_that_vanishes_while_it_is_read_keeps_what_was_read(
    library: Library, folder: Path
) -> None:
    for number in range(6):
        (folder / f"{number}.txt").write_text(f"Number {number} is here.")
    scan(library)
    away = folder.with_name("away")

    class PulledOut(TextReader):
        def read(self, path: Path) -> Document:
            document = super().read(path)
            if path.name == "2.txt":
                folder.rename(away)
            return document

    Indexer(library.path, PulledOut()).run()
    number = library.collections()[0].id
    progress = library.progress(number)
    assert (progress.indexed, progress.waiting, progress.failed) == (2, 4, 0)
    assert library.collections()[0].roots[0].problem is not None
    assert found(library, "Number 1", limit=1) == ["1.txt"]
    away.rename(folder)
    index(library)
    assert library.progress(number).indexed == 6


def test_a_folder_that_may_not_be_read_keeps_what_was_read(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's refusal, which a superuser never meets, is made here."""
    closed = folder / "closed"
    closed.mkdir()
    (closed / "bridge.txt").write_text(BRIDGE, encoding="utf-8")
    index(library)
    scandir = os.scandir

    def refuse(path: bytes | str | Path) -> object:
        if os.fsencode(path) == os.fsencode(closed):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    (folder / "tea.txt").write_text("绿茶用茶叶制成。", encoding="utf-8")
    monkeypatch.setattr(scanning.os, "scandir", refuse)
    index(library)
    assert found(library, "赵州桥是谁设计的？") == ["bridge.txt"]
    assert found(library, "绿茶") == ["tea.txt"]


@pytest.mark.slow
def test_a_sheet_of_a_million_rows_is_read(library: Library, folder: Path) -> None:
    row = '<row><c><v>1234567</v></c><c t="inlineStr"><is><t>value</t></is></c></row>'
    last = '<row><c t="inlineStr"><is><t>the last one is a lighthouse</t></is></c></row>'
    book = files.xlsx(folder / "million.xlsx")
    files.repack(book, {"xl/worksheets/one.xml": f"<w>{row * 1_000_000}{last}</w>"})
    assert read_all(library) == {"million.xlsx": ""}
    assert found(library, "lighthouse") == ["million.xlsx"]


@pytest.mark.slow
def test_a_zip_bomb_is_too_large(library: Library, folder: Path) -> None:
    bomb = b"<d>" + b" " * 700_000_000
    files.pack(folder / "bomb.docx", {"word/document.xml": bomb})
    (folder / "z-good.txt").write_text(BRIDGE, encoding="utf-8")
    assert read_all(library) == {"bomb.docx": "too_large", "z-good.txt": ""}
