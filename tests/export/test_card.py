"""`python -m export.card`: scores and sample conversations in a model card."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from engine.bundle import open_bundle
from engine.errors import DataError
from export import card, samples
from export.bundle import write_sums
from export.samples import PROMPTS, Sample, converse


@pytest.fixture
def evaluation(tmp_path: Path) -> Path:
    folder = tmp_path / "evaluation"
    folder.mkdir()
    for model, f1 in (("step-10", 41.25), ("tiny", 41.0)):
        result = {
            "suite": "docqa",
            "model": model,
            "data": "xquad.json",
            "limit": 5,
            "f1": f1,
            "languages": {"en": {"n": 3}},
            "answers": [{"answer": "x"}],
        }
        (folder / f"docqa-{model}.json").write_text(json.dumps(result))
    return folder


def test_the_card_has_scores_and_twenty_conversations_and_the_bundle_is_signed(
    tiny_bundle: Path, evaluation: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "tiny"
    shutil.copytree(tiny_bundle, bundle)
    (bundle / "README.md").write_text("---\nlicense: mit\n---\n# tiny\n\n## Limits\nMany.\n")
    write_sums(bundle)
    words = ["card", "--bundle", str(bundle), "--evaluation", str(evaluation)]
    monkeypatch.setattr(sys, "argv", words)
    card.main()
    once = (bundle / "README.md").read_text(encoding="utf-8")
    assert open_bundle(bundle, verify=True).signed
    assert "| docqa xquad.json (limit 5) | f1 | 41.25 | 41 |" in once
    assert "| docqa xquad.json (limit 5) | languages, en, n | 3 | 3 |" in once
    assert once.index("## Scores") < once.index("## Sample conversations") < once.index("## Limits")
    prompts = [json.loads(line) for line in PROMPTS.read_text(encoding="utf-8").splitlines()]
    assert [p["language"] for p in prompts] == ["zh"] * 10 + ["en"] * 10
    assert (
        once.count("**User:**") == once.count("**GEB:**") == sum(len(p["turns"]) for p in prompts)
    )
    assert "**User:** 你是谁？" in once


def test_samples_are_what_the_model_says_each_time_the_same(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = tmp_path / "few.jsonl"
    few.write_text('{"language": "en", "turns": ["Hello!", "Who are you?"]}\n')
    monkeypatch.setattr(samples, "PROMPTS", few)
    conversations = converse(tiny_bundle)
    assert conversations == converse(tiny_bundle)
    (one,) = conversations
    assert [message["role"] for message in one.messages] == ["user", "assistant"] * 2
    text = card.extend("## Limits\n", [], conversations)
    assert card.extend(text, [], conversations) == text


def test_what_a_model_writes_is_no_markup() -> None:
    answer = {"role": "assistant", "content": "<b>*x*</b>\n\n# [1]"}
    text = card.extend(
        "## Limits\n", [], [Sample("en", ({"role": "user", "content": "?"}, answer))]
    )
    assert r"**GEB:** \<b\>\*x\*\</b\> ⏎ \# \[1\]" in text


def test_a_folder_without_evaluations_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no evaluation"):
        card.read_results(tmp_path)
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(DataError, match=r"a\.json holds no evaluation"):
        card.read_results(tmp_path)
