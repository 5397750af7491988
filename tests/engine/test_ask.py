"""`geb ask`: questions about files, from a shell."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.terminal_ask import ask


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "bridge.md").write_text(
        "# 赵州桥\n\n赵州桥是隋代工匠李春设计的。\n", encoding="utf-8"
    )
    (folder / "river.txt").write_text("The Yangtze is the longest river of Asia.")
    return folder


@pytest.fixture
def asked(
    tiny_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    def run(*paths: Path, question: str, as_json: bool = True) -> tuple[int, str, str]:
        status = ask(paths, question, model=tiny_bundle, as_json=as_json)
        output = capsys.readouterr()
        return status, output.out, output.err

    return run


def test_json_names_what_was_found_and_where(
    folder: Path, asked: Callable[..., tuple[int, str, str]]
) -> None:
    status, out, err = asked(folder, question="赵州桥是谁设计的？")
    result = json.loads(out)
    assert (status, err, result["answerable"], result["files"]) == (0, "", True, 2)
    assert "李春" in result["answer"]
    assert result["failures"] == []
    [passage] = result["passages"]
    assert (passage["file"], passage["page"]) == (str(folder / "bridge.md"), None)
    text = (folder / "bridge.md").read_text(encoding="utf-8")
    for citation in result["citations"]:
        assert citation["text"] == text[citation["start"] : citation["end"]]
    assert result["index_seconds"] > 0


def test_what_no_document_says_is_said_to_be_so(
    folder: Path, asked: Callable[..., tuple[int, str, str]]
) -> None:
    status, out, _ = asked(folder, question="谁发明了蒸汽机？")
    result = json.loads(out)
    assert (status, result["answerable"], result["citations"]) == (0, False, [])
    assert result["answer"]


def test_the_second_question_reads_only_what_is_new(
    folder: Path, asked: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(folder, question="赵州桥是谁设计的？")
    monkeypatch.setattr("engine.documents.sandbox.DocumentReader.read", None)
    status, out, _ = asked(folder, question="Which river is the longest of Asia?")
    assert (status, json.loads(out)["passages"][0]["file"]) == (0, str(folder / "river.txt"))


def test_files_that_cannot_be_read_are_named(
    folder: Path, asked: Callable[..., tuple[int, str, str]]
) -> None:
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing else")
    status, out, err = asked(folder, question="赵州桥是谁设计的？", as_json=False)
    assert status == 0
    assert "李春" in out
    assert "[1] bridge.md" in out
    said, reason = err.rstrip("\n").split(": ", 1)
    assert (said, bool(reason)) == (str(folder / "broken.pdf"), True)
    _, out, _ = asked(folder, question="赵州桥是谁设计的？")
    assert json.loads(out)["failures"] == [{"file": said, "reason": reason}]


def test_a_path_that_is_not_there_is_one_sentence(
    tmp_path: Path, asked: Callable[..., tuple[int, str, str]]
) -> None:
    status, out, err = asked(tmp_path / "nowhere", question="谁？")
    assert (status, out) == (1, "")
    assert err == f"There is no file or folder {tmp_path / 'nowhere'}.\n"


def test_where_nothing_can_be_read_nothing_is_answered(
    tmp_path: Path, asked: Callable[..., tuple[int, str, str]]
) -> None:
    """ "There is no answer in the documents" would be a lie about files that nobody has read."""
    broken, empty = tmp_path / "broken.pdf", tmp_path / "empty"
    broken.write_bytes(b"%PDF-1.7 and nothing else")
    empty.mkdir()
    status, out, err = asked(broken, question="谁？")
    assert (status, out) == (1, "")
    assert err.splitlines()[-1] == "None of these documents can be read."
    status, out, err = asked(empty, question="谁？", as_json=False)
    assert (status, out, err) == (1, "", f"There are no documents in {empty}.\n")


def test_a_quoted_sentence_is_one_line(
    folder: Path, asked: Callable[..., tuple[int, str, str]]
) -> None:
    (folder / "river.txt").write_text("The Yangtze is the longest\nriver of Asia.")
    _, out, _ = asked(folder, question="Which river is the longest of Asia?", as_json=False)
    assert out.splitlines()[-1] == "[1] river.txt: The Yangtze is the longest river of Asia."
