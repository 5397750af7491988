"""Sources of a recipe whose records are made out of others."""

import json
from pathlib import Path
from typing import Any

import pytest
from making_texts import documents

from training.making.makers import MAKERS
from training.parts import divide
from training.recipe import Source
from training.sources.locate import File
from training.sources.readers import read


def _source(name: str, reader: str, **more: Any) -> Source:
    return Source(
        name=name,
        stage="sft",
        language="zh",
        licence="CC0-1.0",
        url="https://example.org",
        files=("*",),
        reader=reader,
        **more,
    )


def test_a_recipe_reads_made_records_from_the_origins_that_it_names(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    lines = [json.dumps(document) for document in (*documents("zh"), *documents("en"))]
    path.write_text("\n".join(lines), encoding="utf-8")
    made = list(read(path, _source("one", "questions", origins=("tests",))))
    assert {record["lang"] for record in made} == {"zh", "en"}
    assert made == list(read(path, _source("one", "questions")))
    assert made != list(read(path, _source("two", "questions")))
    assert list(read(path, _source("one", "questions", origins=("others",)))) == []


def test_records_are_made_of_the_wanted_share_of_documents_the_same_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "texts.jsonl"
    lines = [json.dumps({"text": str(n), "lang": "zh", "source": "tests"}) for n in range(400)]
    path.write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setitem(MAKERS, "copying", lambda documents, _seed: documents)
    some = [row["text"] for row in read(path, _source("one", "copying", documents=0.25))]
    assert 70 < len(some) < 130
    again = [row["text"] for row in read(path, _source("two", "copying", documents=0.5))]
    assert set(some) <= set(again)


def test_sources_that_make_records_of_one_file_do_not_share_them(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text("", encoding="utf-8")
    sources = [_source("one", "questions"), _source("two", "questions"), _source("three", "jsonl")]
    parts = divide([(source, [File(path.name, path)]) for source in sources], [])
    assert sorted(len(part.sources) for part in parts) == [1, 1, 1]
