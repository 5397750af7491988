"""Files that are attached to a question: what is refused, and what is asked without it."""

from pathlib import Path

import pytest

from engine.documents.answering.sources import DocumentScope
from engine.documents.attaching import check_attached
from engine.documents.finder import DocumentFinder
from engine.errors import DocumentError

BINARY = bytes(range(256)) * 200
BRIDGE = "The Keller Bridge was designed by Anna Keller."


def write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("strange.xyz", BINARY, "unknown_kind"),
        ("notes.txt", BINARY, "unknown_kind"),
        ("empty.md", b"", "empty"),
        ("report.pdf", b"no report", "damaged"),
        ("old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + BINARY, "old_office"),
    ],
)
def test_a_look_refuses_what_cannot_be_read(
    tmp_path: Path, name: str, data: bytes, code: str
) -> None:
    with pytest.raises(DocumentError, match=f"^{name}: ") as refused:
        check_attached(write(tmp_path, name, data))
    assert refused.value.code == code


def test_a_look_lets_pass_what_may_be_read(tmp_path: Path) -> None:
    for name, data in [
        ("words.xyz", b"Words in a file of no known kind."),
        ("文档", ("灯塔建在礁石上。" * 3000).encode("gb18030")),
        ("wide.txt", "灯塔".encode("utf-16")),
        ("letter.docx", b"PK\x03\x04 to be taken apart elsewhere"),
        ("paper.pdf", b"%PDF-1.7"),
    ]:
        check_attached(write(tmp_path, name, data))
    with pytest.raises(DocumentError, match="cannot be read"):
        check_attached(tmp_path / "gone.txt")


def test_a_file_that_fails_is_named_and_the_rest_is_asked(tmp_path: Path) -> None:
    good = write(tmp_path, "bridge.txt", BRIDGE.encode())
    bad = write(tmp_path, "strange.xyz", BINARY)
    finder = DocumentFinder(tmp_path / "library.sqlite3")
    found = finder.find("Who designed it?", [], DocumentScope(files=(bad, good)), lambda: False)
    assert [passage.file for passage in found.passages] == [good]
    assert list(map(str, found.unread)) == ["strange.xyz: Files of this kind cannot be read."]
    # A collection is still asked; without one, there is nothing to ask.
    scope = DocumentScope(collections=(1,), files=(bad,))
    found = finder.find("Who designed it?", [], scope, lambda: False)
    assert found.unread
    with pytest.raises(DocumentError, match=r"strange\.xyz: "):
        finder.find("Who designed it?", [], DocumentScope(files=(bad,)), lambda: False)
