"""No file hangs or kills the process that wants to read it, or leaves anything behind."""

import io
import json
import os
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import document_files as files
import mutate
import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.documents import sandbox
from engine.documents.document import Document, Heading, Page
from engine.documents.reading.read import read_document
from engine.documents.sandbox import DocumentReader, ReadingLimits
from engine.documents.splitting import most_passages, split
from engine.documents.wire import from_json, to_json
from engine.errors import DocumentError


@pytest.fixture(scope="module")
def reader() -> Iterator[DocumentReader]:
    with DocumentReader() as reader:
        yield reader


def _children() -> set[int]:
    """The processes that this one has started and not seen the end of."""
    return {process.pid for process in psutil.process_iter() if _parent(process) == os.getpid()}


def _parent(process: psutil.Process) -> int | None:
    try:
        parent: int = process.ppid()
    except psutil.NoSuchProcess:
        return None
    return parent


def _code(reader: DocumentReader, path: Path) -> str:
    with pytest.raises(DocumentError) as caught:
        reader.read(path)
    return caught.value.code


def test_the_child_reads_as_we_do(reader: DocumentReader, tmp_path: Path) -> None:
    for path in files.every_format(tmp_path / "all"):
        document = read_document(path)
        ours = split(document)
        read = reader.read(path)
        assert read == document
        assert read.passages == tuple(ours)
        assert split(read) == ours


def test_names_in_any_encoding(reader: DocumentReader, tmp_path: Path) -> None:
    for name in ("灯塔.txt", "a\nb.txt", "é \u202e.txt", os.fsdecode(b"\xb5\xc6\xcb\xfe.txt")):
        path = tmp_path / name
        path.write_text("light", encoding="utf-8")
        assert reader.read(path).pages[0].text == "light"


def test_time_and_memory_are_limited(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.docx"
    files.pack(bomb, {"word/document.xml": b"<d>" + b"<p/>" * 6_000_000})
    with DocumentReader(ReadingLimits(cpu_seconds=1)) as reader:
        assert _code(reader, bomb) == "time_limit"
    large = tmp_path / "large.txt"
    large.write_text("灯" * 19_000_000, encoding="utf-8")
    with DocumentReader(ReadingLimits(memory_bytes=200 << 20)) as reader:
        assert _code(reader, large) == "memory_limit"
        assert reader.read(files.docx(tmp_path / "good.docx")).title == "On & Off"


def test_reading_can_be_cancelled_and_goes_on(tmp_path: Path) -> None:
    slow = tmp_path / "slow.html"
    slow.write_bytes(b"<p>a</p>" * 5_000_000)
    with DocumentReader() as reader:
        outcome: list[str] = []
        thread = threading.Thread(target=lambda: outcome.append(_code(reader, slow)))
        thread.start()
        while not outcome:
            reader.cancel()
            thread.join(0.05)
        assert outcome == ["cancelled"]
        reader.cancel()  # nothing to end
        assert reader.read(files.docx(tmp_path / "good.docx")).title == "On & Off"
    with pytest.raises(DocumentError):
        reader.read(slow)


def test_a_child_that_dies_is_replaced_and_none_is_left(tmp_path: Path) -> None:
    before = _children()
    good = files.docx(tmp_path / "good.docx")
    with DocumentReader() as reader:
        reader.read(good)
        for _ in range(2):
            (child,) = _children() - before
            psutil.Process(child).kill()
            assert _code(reader, good) == "crashed"
            assert reader.read(good).title == "On & Off"
    assert _children() <= before


def test_a_large_application_does_not_cost_the_child_its_life(tmp_path: Path) -> None:
    """The child used to take the memory of who started it for its own, and to end at once."""
    good = files.docx(tmp_path / "good.docx")
    ballast = np.ones(700 << 20, np.uint8)
    before = _children()
    with DocumentReader() as reader:
        reader.read(good)
        first = _children() - before
        reader.read(good)
        assert _children() - before == first != set()
    assert ballast[-1]


def test_the_child_learns_no_secrets_and_cannot_reach_out(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("the kernel's part is Linux's")
    before = _children()
    with pytest.MonkeyPatch.context() as patch, DocumentReader() as reader:
        patch.setenv("A_SECRET_KEY", "value")
        reader.read(files.docx(tmp_path / "good.docx"))
        (number,) = _children() - before
        child = psutil.Process(number)
        assert "A_SECRET_KEY" not in child.environ()
        assert child.nice() == 19
        assert "Seccomp:\t2" in Path(f"/proc/{number}/status").read_text()
        assert child.num_fds() < 10
        # None that was there before it was confined.
        assert child.num_threads() == 1


def test_the_packaged_program_reads_as_well(tmp_path: Path) -> None:
    start = Path(__file__).parents[3] / "resources/packaging/start.py"
    command = [sys.executable, str(start), sandbox.CHILD_ARGUMENT]
    with pytest.MonkeyPatch.context() as patch, DocumentReader() as reader:
        patch.setattr(sandbox, "_command", lambda: command)
        assert reader.read(files.docx(tmp_path / "good.docx")).title == "On & Off"


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "exe"},
        {"pages": [[1, 2, ""]]},
        {"pages": [["one", "text", ""]]},
        {"headings": [[5, 0, 1, "beyond"]]},
        {"headings": [[0, 99, 1, "beyond"]]},
        {"blocks": [[0, 3, 1, "table"]]},
        {"blocks": [[0, 0, True, "table"]]},
        {"title": None},
        {"pages": 7},
        {"headings": [[0, 0, 0, "too high"]]},
        {"headings": [[0, 0, 7, "too deep"]]},
        {"passages": None},
        {"passages": [[0, 0]]},
        {"passages": [["0", 0, 4]]},
        {"passages": [[0, 0, 4.0]]},
        {"passages": [[0, False, 4]]},
        {"passages": [[1, 0, 4]]},
        {"passages": [[-1, 0, 4]]},
        {"passages": [[0, -1, 4]]},
        {"passages": [[0, 0, 5]]},
        {"passages": [[0, 2, 2]]},
        {"passages": [[0, 3, 2]]},
        {"passages": [[0, 0, 1], [0, 1, 2], [0, 2, 3]]},
    ],
)
def test_answers_are_not_trusted(change: dict[str, object]) -> None:
    good = json.loads(to_json(Document("text", "", (Page(1, "text"),))))["document"]
    assert from_json(good).pages == (Page(1, "text"),)
    with pytest.raises(ValueError, match="not a document"):
        from_json(good | change)


def test_places_are_believed_only_as_far_as_they_cost_nothing() -> None:
    pages = (Page(1, "a" * 100), Page(2, "b" * 100))
    document = Document("text", "", pages, (Heading(0, 50, 1, "A"), Heading(1, 0, 2, "B")))
    good = json.loads(to_json(document))["document"]

    def read(places: list[tuple[int, int, int]]) -> list[tuple[str, ...]]:
        passages = from_json(good | {"passages": places}).passages
        assert passages is not None
        assert [(p.page_index, p.start, p.end) for p in passages] == places
        return [passage.heading_path for passage in passages]

    assert read([]) == []
    assert read([(0, 0, 50), (0, 50, 60), (1, 0, 1)]) == [(), ("A",), ("A", "B")]
    twice = [(0, 0, 99), (0, 1, 100), (1, 0, 100), (1, 1, 100)]
    read(twice)
    for bad in (
        [(1, 0, 9), (0, 0, 9)],
        [(0, 5, 9), (0, 4, 9)],
        [(0, 5, 8), (0, 5, 9)],
        [*twice, (1, 2, 100)],  # too much
    ):
        with pytest.raises(ValueError, match="not a document"):
            read(bad)
    many = [(0, start, start + 1) for start in range(most_passages(pages) + 1)]
    read(many[:-1])
    with pytest.raises(ValueError, match="not a document"):
        read(many)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=9,
)
_PLACES = st.lists(st.lists(st.integers(-1, 6), min_size=2, max_size=4), max_size=4)


@given(st.sampled_from(("pages", "headings", "blocks", "passages")), _JSON | _PLACES)
def test_whatever_the_child_says_is_a_document_or_refused(field: str, value: Any) -> None:
    document = Document("text", "", (Page(1, "text"), Page(2, "more")), (Heading(0, 2, 1, "T"),))
    good = json.loads(to_json(document))["document"]
    for content in (good | {field: value}, value):
        with suppress(ValueError):
            read = from_json(content)
            for passage in split(read):
                assert read.pages[passage.page_index].text[passage.start : passage.end]
                assert len(passage.heading_path) <= 6


_ANSWER = to_json(Document("text", "", (Page(1, "Some text."),), (Heading(0, 0, 1, "Some"),)))


@given(st.integers(0, len(_ANSWER)), st.integers(0, 9), st.binary(max_size=9), st.binary())
def test_any_bytes_are_a_document_or_a_failure(at: int, cut: int, new: bytes, more: bytes) -> None:
    body = _ANSWER[:at] + new + _ANSWER[at + cut :]
    for said in (b"M" + len(body).to_bytes(8, "big") + body, more):
        # What reading turns into a failure.
        with suppress(EOFError, ValueError, RecursionError, DocumentError):
            _, answer = sandbox._receive(io.BytesIO(said))
            assert split(sandbox._document(answer)) is not None


def test_hostile_archives(reader: DocumentReader, tmp_path: Path) -> None:
    entity = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><d><p><t>&x;</t></p></d>'
    bomb = "<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]><d>&b;</d>"
    for content in (entity, bomb):
        path = files.pack(tmp_path / "x.docx", {"word/document.xml": content})
        assert _code(reader, path) == "damaged"
    deep = "<p>" * 100_000
    assert _code(reader, files.pack(tmp_path / "x.docx", {"word/document.xml": deep})) == "damaged"
    wide = "<row><c><v>1234567</v></c><c t='inlineStr'><is><t>value</t></is></c></row>" * 20_000
    book = files.xlsx(tmp_path / "wide.xlsx")
    with zipfile.ZipFile(book) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["xl/worksheets/one.xml"] = f"<w>{wide}</w>".encode()
    document = reader.read(files.pack(book, members))
    assert document.pages[1].text.count("\n") == 19_999
    deep_page = tmp_path / "deep.html"
    deep_page.write_text("<div>" * 100_000 + "text" + "</table></td>" * 1000, encoding="utf-8")
    assert reader.read(deep_page).pages[0].text == "text"


def test_hostile_pdfs(reader: DocumentReader, tmp_path: Path) -> None:
    cyclic = ["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [2 0 R] /Count 9 >>"]
    huge = [cyclic[0], "<< /Type /Pages /Kids [3 0 R] /Count 2000000000 >>", "<< /Type /Page >>"]
    for number, objects in enumerate((cyclic, huge)):
        path = tmp_path / f"{number}.pdf"
        path.write_bytes(files.assemble(objects))
        assert _code(reader, path) in ("damaged", "empty", "too_large")


def test_a_few_hundred_spoilt_files(reader: DocumentReader, tmp_path: Path) -> None:
    good = files.every_format(tmp_path / "good")
    counts = mutate.read_mutants(reader, good, tmp_path / "mutant", 240)
    assert sum(counts.values()) == 240
    assert set(counts) <= mutate.EXPECTED


@pytest.mark.slow
def test_ten_thousand_spoilt_files(tmp_path: Path) -> None:
    good = files.every_format(tmp_path / "good")
    with DocumentReader(ReadingLimits(cpu_seconds=20)) as reader:
        counts = mutate.read_mutants(reader, good, tmp_path / "mutant", 10_000)
    assert sum(counts.values()) == 10_000
    assert set(counts) <= mutate.EXPECTED
