"""Records: cleaned, de-duplicated over sources, some held out, credits kept."""

import json
import lzma
from pathlib import Path

import pytest

from engine.errors import DataError
from training.data import prepare
from training.recipe import Recipe, Source


def _source(name: str, stage: str = "pretrain", **more: object) -> Source:
    values: dict[str, object] = {
        "name": name,
        "stage": stage,
        "language": "en",
        "licence": "CC0-1.0",
        "url": "https://example.org",
        "files": ("*.jsonl*",),
    }
    return Source(**{**values, **more})  # type: ignore[arg-type]


def _records(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _write(path: Path, records: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")


def test_the_same_text_in_two_sources_is_kept_once(tmp_path: Path) -> None:
    text = "A long enough sentence about rivers, mountains and other places. " * 3
    _write(
        tmp_path / "all.jsonl",
        [{"text": text, "source": "a"}, {"text": text + "\r\n\0", "source": "b"}]
        + [{"text": f"{text} {i}", "source": "b"} for i in range(5)],
    )
    recipe = Recipe(
        name="r", config="test", licence="cc0-1.0", sources=(_source("a"), _source("b"))
    )
    prepare(recipe, tmp_path, tmp_path, tmp_path / "out")
    report = json.loads((tmp_path / "out/sources.json").read_text())["sources"]
    assert report["pretrain/a"]["kept"] == 1
    assert report["pretrain/b"]["duplicate"] == 1
    assert report["pretrain/a"]["licence"] == "CC0-1.0"


def test_held_out_text_is_in_no_training_file(tmp_path: Path) -> None:
    _write(
        tmp_path / "all.jsonl",
        [
            {"text": f"Document number {i} tells a story of its own, all about {i}."}
            for i in range(900)
        ],
    )
    recipe = Recipe(name="r", config="test", licence="cc0-1.0", sources=(_source("a"),))
    prepare(recipe, tmp_path, tmp_path, tmp_path / "out")
    held = {r["text"] for r in _records(tmp_path / "out/heldout.jsonl")}
    trained = {r["text"] for r in _records(tmp_path / "out/pretrain/a.jsonl")}
    assert held
    assert not held & trained
    assert len(held) + len(trained) == 900


def test_a_small_language_still_gets_held_out_text(tmp_path: Path) -> None:
    _write(tmp_path / "all.jsonl", [{"text": f"{'字' * 50}{i}", "lang": "zh"} for i in range(4)])
    recipe = Recipe(name="r", config="test", licence="cc0-1.0", sources=(_source("a"),))
    prepare(recipe, tmp_path, tmp_path, tmp_path / "out")
    assert len(_records(tmp_path / "out/heldout.jsonl")) == 1


def test_conversations_end_with_an_answer(tmp_path: Path) -> None:
    turns = [
        {"role": "user" if i % 2 == 0 else "assistant", "content": f"turn {i}"} for i in range(9)
    ]
    _write(tmp_path / "all.jsonl", [{"messages": turns}])
    recipe = Recipe(
        name="r", config="test", licence="cc0-1.0", sources=(_source("a", "sft", max_turns=5),)
    )
    prepare(recipe, tmp_path, tmp_path, tmp_path / "out")
    (record,) = _records(tmp_path / "out/sft/a.jsonl")
    assert [m["content"] for m in record["messages"]] == [f"turn {i}" for i in range(4)]  # type: ignore[attr-defined]


def test_preference_pairs_without_a_difference_are_left_out(tmp_path: Path) -> None:
    prompt = [{"role": "user", "content": "hello"}]
    pairs: list[dict[str, object]] = [
        {"prompt": prompt, "chosen": "good", "rejected": "bad"},
        {"prompt": prompt, "chosen": "same", "rejected": "same "},
    ]
    _write(tmp_path / "all.jsonl", pairs)
    recipe = Recipe(name="r", config="test", licence="cc0-1.0", sources=(_source("a", "dpo"),))
    prepare(recipe, tmp_path, tmp_path, tmp_path / "out")
    (record,) = _records(tmp_path / "out/dpo/a.jsonl")
    assert (record["chosen"], record["rejected"]) == ("good", "bad")


@pytest.mark.parametrize("damage", ["truncated", "not json", "no text"])
def test_a_damaged_file_is_named_in_one_sentence(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "all.jsonl.xz"
    packed = lzma.compress(json.dumps({"text": "words " * 999}).encode())
    if damage == "truncated":
        path.write_bytes(packed[:-20])
    else:
        path.write_bytes(lzma.compress(b"{" if damage == "not json" else b'{"title": "x"}'))
    recipe = Recipe(name="r", config="test", licence="cc0-1.0", sources=(_source("a"),))
    with pytest.raises(DataError) as error:
        prepare(recipe, tmp_path, tmp_path, tmp_path / "out")
    assert str(path) in str(error.value)


def test_a_recipe_without_its_mirror_says_what_to_give(tmp_path: Path) -> None:
    recipe = Recipe(name="r", config="test", licence="cc0-1.0", sources=(_source("a"),))
    with pytest.raises(DataError, match="--mirror"):
        prepare(recipe, tmp_path, None, tmp_path / "out")
