"""Exams: their files, both forms of a model, and nothing from or to the outside."""

import json
import lzma
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import GebError
from training.evaluate import evaluate
from training.evaluation.exam_file import LETTERS, read_exam
from training.evaluation.letters import chosen_letter

ROOT = Path(__file__).parents[3]
SUBJECTS = ("high_school_biology", "high_school_physics")
"""All three exams have them."""


def _line(subject: str, split: str, number: int, answer: str) -> dict[str, str]:
    return {
        "subject": subject,
        "split": split,
        "question": f"{subject} {number}?",
        **dict(zip(LETTERS, ("yes", "no", "park", str(number)), strict=True)),
        "answer": answer,
    }


def _write(path: Path, lines: list[Any]) -> Path:
    data = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
    path.write_bytes(lzma.compress(data) if path.suffix == ".xz" else data)
    return path


def _exam(path: Path, evaluated: str, *, suffixed: bool = False) -> Path:
    """Write two subjects of 5 examples and 6 questions."""
    lines = []
    for subject in SUBJECTS:
        for split, count in (("dev", 5), (evaluated, 6), ("other", 2)):
            name = f"{subject}_{split}" if suffixed else subject
            answers = "" if split == "other" else "ABCD"
            lines += [_line(name, split, i, answers[i % 4 :][:1]) for i in range(count)]
    return _write(path, lines)


def test_a_file_is_read_by_subject_and_unsolved_splits_are_left_alone(tmp_path: Path) -> None:
    found = read_exam(_exam(tmp_path / "a.jsonl.xz", "test", suffixed=True), "test", 5, None)
    assert {name: len(one.questions) for name, one in found.items()} == dict.fromkeys(SUBJECTS, 6)
    assert [one["question"] for one in found[SUBJECTS[0]].examples] == [
        f"{SUBJECTS[0]}_dev {number}?" for number in range(5)
    ]
    some = read_exam(tmp_path / "a.jsonl.xz", "test", 5, 5)
    assert sum(len(subject.questions) for subject in some.values()) == 5
    assert all(
        one in found[name].questions for name, subject in some.items() for one in subject.questions
    )


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([], "holds no questions"),
        ([_line("law", "dev", 1, "A")], "holds no questions"),
        ([_line("law", "test", 1, "A")], "holds 0 solved examples"),
        ([_line("law", "test", 1, "")], "another format"),
        ([_line("law", split, 1, "A") for split in [*["dev"] * 5, "test"]], "no subject law"),
        ([{"question": "?"}], "another format"),
        ([{**_line("law", "test", 1, "A"), "A": 3}], "another format"),
        (["law"], "another format"),
    ],
)
def test_a_file_that_is_no_exam_is_named_in_one_sentence(
    lines: list[Any], complaint: str, models: dict[str, Path], tmp_path: Path
) -> None:
    path = _write(tmp_path / "exam.jsonl", lines)
    with pytest.raises(GebError, match=complaint) as error:
        evaluate(models["checkpoint"], "mmlu", path, None)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("suite", "split"), [("mmlu", "test"), ("ceval", "val"), ("cmmlu", "test")]
)
def test_checkpoint_and_bundle_choose_the_same_letters(
    suite: str, split: str, models: dict[str, Path], tmp_path: Path
) -> None:
    path = _exam(tmp_path / "exam.jsonl", split)
    long = {
        **_line(SUBJECTS[0], split, 0, "D"),
        "question": "What is the weather in the park? " * 20,
    }
    path.write_text(path.read_text() + json.dumps(long) + "\n")
    found = {form: evaluate(model, suite, path, None) for form, model in models.items()}
    result = found["checkpoint"]
    assert result["answers"] == found["bundle"]["answers"]
    assert result["n"] == 13 == sum(part["n"] for part in result["subjects"].values())
    correct = [one["answer"] == one["reference"] for one in result["answers"]]
    assert result["accuracy"] == 100 * sum(correct) / 13
    assert (result["examples"], result["unanswered"], result["prompts_cut"]) == (5, 0, 1)


def test_reasoning_needs_no_examples_and_is_kept(models: dict[str, Path], tmp_path: Path) -> None:
    path = _write(tmp_path / "exam.jsonl", [_line("law", "val", i, "A") for i in range(2)])
    result = evaluate(models["bundle"], "ceval-cot", path, None)
    assert result["examples"] == 0
    assert [one["answer"] for one in result["answers"]] == [
        chosen_letter(one["reasoning"]) for one in result["answers"]
    ]
    assert result["unanswered"] == [one["answer"] for one in result["answers"]].count(None)


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("……所以答案是B。", "B"),
        ("选项A错误，选项B正确，因此答案为：B选项。", "B"),
        ("正确答案应该是 D", "D"),
        ("答案选（A），不选 B。", "A"),
        ("A 和 B 都不对，故选C。", "C"),
        ("B项正确，A项错误。", "B"),
        ("先看 A，再看 B；应选择 D 项。", "D"),
        ("The answer is C, not a or b.", "C"),
        ("显然是 D。", "D"),
        ("答案是B。不对，答案是A。", "A"),
        ("A、B 都有可能。", None),
        ("答案是BC。", None),
        ("An Apple", None),
        ("", None),
    ],
)
def test_the_letter_that_reasoning_ends_with(text: str, letter: str | None) -> None:
    assert chosen_letter(text) == letter


@given(st.text() | st.text("ABCD答案是选正确项，。 ", max_size=20))
def test_a_letter_is_one_that_the_text_names(text: str) -> None:
    letter = chosen_letter(text)
    assert letter is None or letter in set(LETTERS) & set(text)


_WITHOUT_NETWORK = """
import socket, sys
def refuse(*_):
    raise AssertionError("an exam asked the network")
socket.socket.connect = socket.getaddrinfo = refuse
from training.evaluate import main
main()
"""


def test_an_exam_needs_no_network_and_leaves_only_its_result(
    models: dict[str, Path], tmp_path: Path
) -> None:
    exam = _exam(tmp_path / "exam.jsonl", "test")
    outside = [tmp_path / name for name in ("home", "temporary", "work")]
    for folder in outside:
        folder.mkdir()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("HF_", "XDG_"))
    }
    environment |= {"HOME": str(outside[0]), "TMPDIR": str(outside[1]), "PYTHONPATH": str(ROOT)}
    arguments = ["--model", models["bundle"], "--suite", "mmlu", "--data", exam, "--limit", "1"]
    command = [sys.executable, "-c", _WITHOUT_NETWORK, *map(str, arguments)]
    finished = subprocess.run(
        [*command, "--json", str(tmp_path / "out.json")],
        cwd=outside[2],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    assert json.loads((tmp_path / "out.json").read_text())["n"] == 1
    assert [path for folder in outside for path in folder.rglob("*")] == []


def test_without_lm_eval_one_sentence_says_what_to_install(
    models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "training.evaluation.harness", raising=False)
    for name in [name for name in sys.modules if name.split(".")[0] == "lm_eval"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    monkeypatch.setitem(sys.modules, "lm_eval.api", None)
    monkeypatch.delattr("training.evaluation.harness", raising=False)
    exam = _exam(tmp_path / "exam.jsonl", "test")
    with pytest.raises(GebError, match=r"lm_eval.*pip install 'geb-chat\[evaluate\]'"):
        evaluate(models["checkpoint"], "mmlu", exam, None)
