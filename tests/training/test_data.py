"""Records: cleaned, de-duplicated over sources, some held out, credits kept."""

import io
import json
import lzma
import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unicodedata import east_asian_width

import numpy as np
import pytest
from data_helpers import files, read, recipe, run, source, write
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ConfigError, DataError
from training import outputs, parts, selection
from training.data import main
from training.executors import Executor
from training.intake import Piece, Tally
from training.pipeline import prepare
from training.records import read_lines, record_files
from training.sources.sample import HashSample

KEYS = st.integers(0, 9).map(lambda number: number << 60 | number)
WORDS = Path(__file__).parent.parent / "data/corpus/en.jsonl"
EXAM = "Which of the following rivers flows through the largest number of capital cities in Europe?"


def _documents(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Return documents that share no more than words."""
    words = sorted(set(WORDS.read_text(encoding="utf-8").split()))
    words = [word for word in words if word.isalpha()]
    choose = random.Random(seed)  # noqa: S311
    return [{"text": " ".join(choose.sample(words, 40)) + "."} for _ in range(count)]


def test_the_same_text_in_two_sources_is_kept_once(tmp_path: Path) -> None:
    first, *others = _documents(6)
    write(
        tmp_path / "all.jsonl",
        [{**first, "source": "a"}, {"text": first["text"] + "\r\n\0", "source": "b"}]
        + [{**other, "source": "b"} for other in others],
    )
    run(tmp_path, recipe(source("a"), source("b")))
    report = json.loads((tmp_path / "out/sources.json").read_text())["sources"]
    assert report["pretrain/a"]["kept"] == 1
    assert report["pretrain/b"]["kept"] == 4  # the fifth is held out
    assert report["pretrain/a"]["licence"] == "CC0-1.0"
    assert read(tmp_path / "out/pretrain/a.jsonl") == [{**first, "lang": "en"}]


def test_near_duplicates_and_evaluation_items_go_and_every_step_is_counted(tmp_path: Path) -> None:
    documents = _documents(50)
    altered = {"text": documents[3]["text"].replace(" ", "  ", 1) + " Really."}
    exam = {"text": f"{documents[4]['text']}\n{EXAM}\nThe rest stays."}
    write(tmp_path / "all.jsonl", [*documents[:4], exam, *documents[5:], altered])
    write(tmp_path / "exams/eval.jsonl", [{"question": EXAM, "choices": ["the Danube", "Rhine"]}])
    exams = source("exams", files=("*.jsonl",))
    report = run(
        tmp_path, recipe(source(cleaning="clean", files=("all.jsonl",)), evaluation=(exams,))
    )
    kept = read(tmp_path / "out/pretrain/a.jsonl") + read(tmp_path / "out/heldout.jsonl")
    texts = {record["text"] for record in kept}
    assert len(kept) == 50
    assert f"{documents[4]['text']}\nThe rest stays." in texts
    assert documents[3]["text"] in texts
    names = ["read", "encoding", "normalise", "privacy", "garbled", "repeats", "length"]
    names += ["decontamination", "near_duplicates", "duplicates", "held_out"]
    assert list(report["steps"]) == names
    counts = [(step["records_before"], step["records_after"]) for step in report["steps"].values()]
    assert counts == [*[(51, 51)] * 8, (51, 50), (50, 50), (50, 49)]
    sizes = report["steps"]["decontamination"]
    assert sizes["bytes_before"] - sizes["bytes_after"] == len(EXAM) + 1


def test_held_out_text_is_in_no_training_file(tmp_path: Path) -> None:
    write(tmp_path / "all.jsonl", _documents(900))
    run(tmp_path, recipe(source()))
    held = {r["text"] for r in read(tmp_path / "out/heldout.jsonl")}
    trained = {r["text"] for r in read(tmp_path / "out/pretrain/a.jsonl")}
    assert held
    assert not held & trained
    assert len(held) + len(trained) == 900


def test_a_small_language_still_gets_held_out_text(tmp_path: Path) -> None:
    write(tmp_path / "all.jsonl", [{"text": f"{c * 50}", "lang": "zh"} for c in "天地人山水"])
    run(tmp_path, recipe(source()))
    (held,) = read(tmp_path / "out/heldout.jsonl")
    assert (held["lang"], held["source"]) == ("zh", "a")


def test_conversations_end_with_an_answer(tmp_path: Path) -> None:
    turns = [
        {"role": "user" if i % 2 == 0 else "assistant", "content": f"turn {i}"} for i in range(9)
    ]
    write(tmp_path / "all.jsonl", [{"messages": turns}])
    run(tmp_path, recipe(source(stage="sft", max_turns=5)))
    (record,) = read(tmp_path / "out/sft/a.jsonl")
    assert [m["content"] for m in record["messages"]] == [f"turn {i}" for i in range(4)]


def test_preference_pairs_without_a_difference_are_left_out(tmp_path: Path) -> None:
    prompt = [{"role": "user", "content": "hello"}]
    pairs = [
        {"prompt": prompt, "chosen": "good", "rejected": "bad"},
        {"prompt": prompt, "chosen": "same", "rejected": "same "},
    ]
    write(tmp_path / "all.jsonl", pairs)
    run(tmp_path, recipe(source(stage="dpo")))
    (record,) = read(tmp_path / "out/dpo/a.jsonl")
    assert (record["chosen"], record["rejected"]) == ("good", "bad")


def test_processes_change_no_byte_and_two_sources_share_their_files(tmp_path: Path) -> None:
    for number in range(3):
        write(
            tmp_path / f"{number}.jsonl",
            [{**d, "source": "ab"[i % 2]} for i, d in enumerate(_documents(200, number))],
        )
    wanted = recipe(source("a", megabytes=0.05), source("b"))
    for workers in (1, 2):
        executor = Executor(workers=workers)
        prepare(wanted, tmp_path, tmp_path, tmp_path / f"out{workers}", executor)
    assert files(tmp_path / "out1") == files(tmp_path / "out2")
    kept = (tmp_path / "out1/pretrain/a.jsonl").stat().st_size
    assert 20_000 < kept < 60_000
    assert not (tmp_path / "out1/.work").exists()


def test_an_interrupted_run_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        write(tmp_path / f"{number}.jsonl", _documents(20, number))
    write(tmp_path / "out/pretrain/older.jsonl", _documents(1, 9))
    before = files(tmp_path / "out")
    broken = (tmp_path / "1.jsonl").read_text()
    (tmp_path / "1.jsonl").write_text(broken[:-9])
    with pytest.raises(DataError, match=r"1\.jsonl is damaged"):
        run(tmp_path, recipe(source()))
    assert {n: c for n, c in files(tmp_path / "out").items() if ".work" not in n} == before
    cleaned = []
    read_file = parts.read
    monkeypatch.setattr(parts, "read", lambda p, s: cleaned.append(p.name) or read_file(p, s))
    (tmp_path / "1.jsonl").write_text(broken)
    run(tmp_path, recipe(source()))
    assert cleaned == ["1.jsonl"]
    assert set(files(tmp_path / "out")) == {"heldout.jsonl", "pretrain/a.jsonl"}


def test_a_large_source_is_written_as_packed_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "SHARD_ABOVE", 10_000)
    for number in range(2):
        write(tmp_path / f"{number}.jsonl", _documents(40, number))
    run(tmp_path, recipe(source()))
    packed = record_files(tmp_path / "out", "pretrain")["a"]
    assert [path.name for path in packed] == ["00000.jsonl.gz", "00001.jsonl.gz"]
    lines = [line for path in packed for line in read_lines(path)]
    held = read(tmp_path / "out/heldout.jsonl")
    assert len(lines) + len(held) == 80


def test_noncommercial_sources_come_in_only_when_asked_for(tmp_path: Path) -> None:
    write(tmp_path / "free.jsonl", _documents(9, 1))
    write(tmp_path / "paid.jsonl", _documents(9, 2))
    wanted = recipe(
        source("free", files=("free.jsonl",)),
        source("paid", files=("paid.jsonl",), noncommercial=True, licence="CC BY-NC 4.0"),
        noncommercial_licence="cc-by-nc-4.0",
    )
    without = run(tmp_path, wanted)
    assert list(without["sources"]) == ["pretrain/free"]
    assert without["licence"] == "cc0-1.0"
    within = run(tmp_path, wanted, include_noncommercial=True)
    assert list(within["sources"]) == ["pretrain/free", "pretrain/paid"]
    assert within["licence"] == "cc-by-nc-4.0"
    with pytest.raises(ConfigError, match="--include-noncommercial"):
        recipe(wanted.sources[1], noncommercial_licence="x").commercial()
    with pytest.raises(ConfigError, match="noncommercial_licence"):
        recipe(wanted.sources[1])


@pytest.mark.parametrize("damage", ["truncated", "not json", "no text"])
def test_a_damaged_file_is_named_in_one_sentence(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "all.jsonl.xz"
    packed = lzma.compress(json.dumps({"text": "words " * 999}).encode())
    if damage == "truncated":
        path.write_bytes(packed[:-20])
    else:
        path.write_bytes(lzma.compress(b"{" if damage == "not json" else b'{"title": "x"}'))
    with pytest.raises(DataError) as error:
        run(tmp_path, recipe(source()))
    assert str(path) in str(error.value)


def test_a_source_without_a_record_of_its_own_is_named(tmp_path: Path) -> None:
    write(tmp_path / "all.jsonl", [{"text": "x" * 50, "source": "other"}])
    with pytest.raises(DataError, match="hold no record of it"):
        run(tmp_path, recipe(source()))


def test_a_recipe_without_its_mirror_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--mirror"):
        prepare(recipe(source()), tmp_path, None, tmp_path / "out")


def test_the_command_prints_what_each_step_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "all.jsonl", _documents(9))
    (tmp_path / "mine.toml").write_text("""config = "test"
licence = "cc0-1.0"
noncommercial_licence = "cc-by-nc-4.0"
[[sources]]
name = "a"
stage = "pretrain"
language = "en"
licence = "CC0-1.0"
url = "https://example.org"
files = ["all.jsonl"]
[[sources]]
name = "b"
stage = "sft"
language = "en"
licence = "CC BY-NC 4.0"
url = "https://example.org"
files = ["b.jsonl"]
noncommercial = true
""")
    arguments = ["--recipe", str(tmp_path / "mine.toml"), "--mirror", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["data", *arguments, "--out", str(tmp_path / "out")])
    main()
    printed = capsys.readouterr().out
    (privacy,) = (line.split() for line in printed.splitlines() if line.startswith("privacy"))
    assert privacy[1:3] == ["9", "9"]
    monkeypatch.setattr("engine.i18n._language", "en")  # what it is afterwards
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    main()
    chinese = capsys.readouterr().out.splitlines()
    widths = {sum(2 if east_asian_width(c) in "WF" else 1 for c in line) for line in chinese[:9]}
    assert len(widths) == 1
    assert "Left out as non-commercial" in printed.splitlines()[-1]


def _piece(folder: Path, number: int, keys: list[int]) -> Piece:
    piece = Piece(source(str(number), "sft"), folder / str(number))
    piece.folder.mkdir()
    rows = [(key, 10, 0) for key in keys]
    piece.write(rows, {"languages": ["en"], "files": {}, "tallies": {"read": Tally()}})
    return piece


@settings(max_examples=30)
@given(
    st.lists(st.lists(KEYS, max_size=12), min_size=1, max_size=4),
    st.integers(1, 40),
)
def test_each_text_is_kept_once_however_many_are_compared_at_once(
    keys: list[list[int]], at_once: int
) -> None:
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        pieces = [_piece(folder, i, some) for i, some in enumerate(keys)]
        patch.setattr(selection, "_KEYS_AT_ONCE", at_once)
        chosen = selection.select(pieces, folder, folder / "fates")
        kept = [(one.fates() == selection.Fate.KEPT).tolist() for one in chosen]
    seen: set[int] = set()
    for some, are_kept in zip(keys, kept, strict=True):
        for key, is_kept in zip(some, are_kept, strict=True):
            assert is_kept == (key not in seen)
            seen.add(key)


@given(st.lists(st.text(max_size=200), unique=True, max_size=60), st.integers(0, 4000))
def test_a_sample_is_part_of_the_stream_and_keeps_to_its_size(
    texts: list[str], budget: int
) -> None:
    def sample(budget: int) -> list[str]:
        chooser = HashSample(budget, "name", io.BytesIO())
        for text in texts:
            chooser.offer({"text": text})
        return [record["text"] for record in chooser.chosen()]

    chosen = sample(budget)
    sizes = {t: len(json.dumps({"text": t}, ensure_ascii=False).encode("utf-8")) + 1 for t in texts}
    assert sum(sizes[text] for text in chosen) <= budget
    assert [text for text in texts if text in set(chosen)] == chosen
    assert set(chosen) <= set(sample(2 * budget))
    assert sample(sum(sizes.values())) == texts


def test_sampling_is_even_over_a_file(tmp_path: Path) -> None:
    documents = _documents(2000)
    write(tmp_path / "all.jsonl", documents)
    run(tmp_path, recipe(source(megabytes=0.1)))
    place = {document["text"]: index for index, document in enumerate(documents)}
    kept = [place[record["text"]] for record in read(tmp_path / "out/pretrain/a.jsonl")]
    assert len(kept) > 200
    assert abs(np.mean(kept) - 1000) < 120
