"""Vectors of words are computed from text alone."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from engine.documents.answering import vectors as shipped
from engine.documents.answering.vectors import WordVectors
from engine.errors import DataError
from training import word_vectors

COLOURS = ("red", "green", "blue", "yellow")
PETS = ("cat", "dog", "horse", "sheep")


def _texts(count: int) -> list[str]:
    chance = random.Random(0)  # noqa: S311 - sampling, not secrecy
    filler = [f"word{n}" for n in range(90)]
    texts = []
    for _ in range(count):
        rest = " ".join(chance.sample(filler, 4))
        texts.append(f"the {chance.choice(COLOURS)} paint dries on the wall {rest}")
        texts.append(f"my {chance.choice(PETS)} eats and sleeps at the farm {rest}")
    return texts


def test_words_in_the_same_places_have_like_vectors() -> None:
    words, values = word_vectors.compute_vectors(iter(_texts(800)), "en")
    read = WordVectors(words, values)
    for first, second, other in (("red", "blue", "cat"), ("dog", "sheep", "green")):
        one, alike, far = read.of([first, second, other])
        assert one @ alike > one @ far + 0.3


def test_the_command_writes_what_the_reader_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pretrain").mkdir()
    chance = random.Random(1)  # noqa: S311 - sampling, not secrecy
    characters = [chr(0x4E00 + 7 * n) for n in range(200)]
    chinese = ["".join(chance.choices(characters, k=12)) for _ in range(600)]
    with (tmp_path / "pretrain/made.jsonl").open("w", encoding="utf-8") as file:
        for language, texts in (("en", _texts(300)), ("zh", chinese)):
            for text in texts:
                file.write(json.dumps({"text": text, "lang": language}) + "\n")
    out = tmp_path / "vectors.npz"
    monkeypatch.setattr("sys.argv", ["x", "--data", str(tmp_path), "--out", str(out)])
    word_vectors.main()
    monkeypatch.setattr(shipped, "VECTORS", out)
    read = shipped.word_vectors.__wrapped__("en")
    assert np.linalg.norm(read.of(["horse"])) == pytest.approx(1, abs=1e-5)
    assert shipped.word_vectors.__wrapped__("zh").of([characters[0]]).any()


def test_too_few_words_are_said_to_be_too_few() -> None:
    with pytest.raises(DataError, match="3 words are too few"):
        word_vectors.compute_vectors(iter(["one two three"] * 9), "en")
