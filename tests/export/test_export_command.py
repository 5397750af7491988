"""`python -m export`: the bundle that it leaves, and what it refuses."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from engine.bundle import open_bundle
from engine.errors import BundleError, ConfigError, DataError, GebError
from engine.i18n import language, set_language
from engine.model import Model
from export.__main__ import export, main
from export.task_scores import parse_task
from export.texts import CALIBRATION


def test_bundle_is_complete_and_signed(bundle) -> None:
    names = {path.name for path in bundle.path.iterdir()}
    assert names == {
        "config.json",
        "generation_config.json",
        "genai_config.json",
        "tokenizer.model",
        "tokenizer.json",
        "tokenizer_config.json",
        "model.onnx",
        "model.onnx.data",
        "README.md",
        "fidelity.json",
        "model_card.json",
        "SHA256SUMS",
    }
    opened = open_bundle(bundle.path, verify=True)
    assert opened.signed
    assert opened.licence == "apache-2.0"
    tokens = opened.tokenizer.control_tokens
    assert set(opened.generation.eos_token_ids) == {tokens["</s>"], tokens["<|user|>"]}
    assert not list(bundle.path.parent.glob(".*"))


def test_quantization_costs_little_and_the_card_says_so(bundle) -> None:
    card = (bundle.path / "README.md").read_text(encoding="utf-8")
    assert {result.language for result in bundle.facts.fidelity} == {"en", "zh"}
    measured = json.loads((bundle.path / "fidelity.json").read_text(encoding="utf-8"))
    assert measured == [asdict(result) for result in bundle.facts.fidelity]
    for result in bundle.facts.fidelity:
        assert result.bundle_bits_per_byte < 1.01 * result.checkpoint_bits_per_byte
        assert result.agreement > 0.9
        assert f"{result.bundle_bits_per_byte:.4f}" in card
    assert bundle.facts.greedy_difference < 1e-4
    assert f"{bundle.facts.greedy_difference:.1e}" in card


def test_prefill_and_single_tokens_give_the_same_logits(bundle) -> None:
    opened = open_bundle(bundle.path)
    model = Model(opened)
    ids = opened.chat_template.encode([{"role": "user", "content": "你好，请介绍一下你自己。"}])
    first = model.forward(ids).copy()
    model.truncate(0)
    for token in ids:
        logits = model.forward([token])
    assert np.array_equal(first, logits)
    model.close()


def test_float_export_keeps_the_checkpoints_quality(
    checkpoint: Path, heldout: Path, tmp_path: Path
) -> None:
    facts = export(checkpoint, tmp_path / "float", precision="fp32", heldout_path=heldout)
    for result in facts.fidelity:
        assert result.bundle_bits_per_byte == pytest.approx(
            result.checkpoint_bits_per_byte, rel=1e-5
        )
        assert result.agreement > 0.999
    assert open_bundle(tmp_path / "float").signed


def test_int8_weights_with_a_float_cache(checkpoint: Path, heldout: Path, tmp_path: Path) -> None:
    facts = export(checkpoint, tmp_path / "out", kv_cache="float32", heldout_path=heldout)
    opened = open_bundle(tmp_path / "out")
    assert opened.graph.inputs["past_key_values.1.value"].dtype == "float32"
    assert all(result.agreement > 0.9 for result in facts.fidelity)


def test_int4_weights_are_smaller_and_still_close(
    checkpoint: Path, bundle, heldout: Path, tmp_path: Path
) -> None:
    facts = export(checkpoint, tmp_path / "out", precision="int4", heldout_path=heldout)
    assert "MatMulNBits" in open_bundle(tmp_path / "out").graph.operators
    assert facts.size_bytes < bundle.facts.size_bytes
    for result in facts.fidelity:
        assert result.bundle_bits_per_byte < 1.05 * result.checkpoint_bits_per_byte
        assert result.agreement > 0.7
    assert "int4 with one scale per 128 inputs" in (tmp_path / "out/README.md").read_text()


def test_an_export_that_costs_more_than_allowed_fails_and_says_how_to_allow_it(
    checkpoint: Path, tmp_path: Path
) -> None:
    # On the text that it was trained on the model has something to lose.
    with pytest.raises(BundleError, match=r"more than the 0\.01% allowed.*--max-loss"):
        export(
            checkpoint,
            tmp_path / "out",
            precision="int4",
            max_loss=0.0001,
            heldout_path=CALIBRATION,
        )
    assert not (tmp_path / "out").exists()


def test_tasks_are_scored_on_both_sides(checkpoint: Path, heldout: Path, tmp_path: Path) -> None:
    data = tmp_path / "questions.json"
    paragraph = {
        "context": "The old mill stands by the river.",
        "qas": [
            {
                "id": "1",
                "question": "Where does the old mill stand?",
                "answers": [{"text": "by the river", "answer_start": 20}],
            }
        ],
    }
    other = {"context": "天气很好。", "qas": []}
    articles = [{"title": t, "paragraphs": [p]} for t, p in (("mill", paragraph), ("sky", other))]
    data.write_text(json.dumps({"data": articles}), encoding="utf-8")
    tasks = [parse_task(f"docqa={data}")]
    facts = export(checkpoint, tmp_path / "out", heldout_path=heldout, tasks=tasks, task_limit=1)
    assert {"em", "f1"} <= {one.measure for one in facts.task_scores}
    assert "| docqa, questions.json | f1 |" in (tmp_path / "out/README.md").read_text()


def test_a_task_in_another_form_is_refused() -> None:
    with pytest.raises(ConfigError, match="SUITE=FILE"):
        parse_task("docqa")


def test_a_failed_export_leaves_the_old_bundle(
    checkpoint: Path, bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "models" / "mine"
    shutil.copytree(bundle.path, out)
    before = (out / "SHA256SUMS").read_text()
    monkeypatch.setattr("export.__main__.write_graph", _fail)
    with pytest.raises(OSError, match="No space"):
        export(checkpoint, out)
    assert (out / "SHA256SUMS").read_text() == before
    assert [path.name for path in out.parent.iterdir()] == ["mine"]


def test_other_folders_are_never_replaced(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="is not a model folder"):
        export(checkpoint, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_place_that_cannot_be_written_is_named(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        export(checkpoint, tmp_path / "file" / "out")


def _without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def _cut_weights(folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])


def _lost_matrix(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors")


def _not_a_number(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.1.mlp.up_proj.weight"][0, 0] = float("nan")
    save_file(weights, folder / "model.safetensors")


def _edit_config(**changes: object) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        values = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(values | changes))

    return edit


def _without_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.model").unlink()


def _broken_json(folder: Path) -> None:
    (folder / "config.json").write_text("{")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (shutil.rmtree, "There is no checkpoint in"),
        (_without_weights, "holds no weights: neither model.safetensors"),
        (_cut_weights, "model.safetensors cannot be read"),
        (_lost_matrix, "lacks the weight model.layers.1.mlp.up_proj.weight"),
        (_not_a_number, "not finite"),
        (_without_tokenizer, "tokenizer"),
        (_broken_json, "not valid JSON"),
        (_edit_config(model_type="mamba"), "type mamba are not known"),
        (_edit_config(attention_bias=True), "its attention_bias is True"),
        (_edit_config(rope_scaling={"type": "yarn"}), "its rope_scaling is"),
        (_edit_config(num_hidden_layers=3), "lacks the weight model.layers.2"),
        (_edit_config(intermediate_size=128), "has the shape"),
        (_edit_config(vocab_size=100), "but its model only 100"),
    ],
)
def test_bad_checkpoints_are_refused_in_one_sentence(
    checkpoint: Path, tmp_path: Path, damage: Callable[[Path], None], sentence: str
) -> None:
    folder = tmp_path / "checkpoint"
    shutil.copytree(checkpoint, folder)
    damage(folder)
    with pytest.raises(GebError) as raised:
        export(folder, tmp_path / "out")
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_held_out_text_in_another_form_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    heldout = tmp_path / "heldout.jsonl"
    heldout.write_text('{"lang": "en", "text": "Fine."}\n["no"]\n')
    with pytest.raises(DataError, match="Line 2 of"):
        export(checkpoint, tmp_path / "out", heldout_path=heldout)


def test_command_line_says_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = language()
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    arguments = ["--checkpoint", str(tmp_path / "none"), "--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["export", *arguments])
    try:
        with pytest.raises(SystemExit, match="There is no checkpoint in"):
            main()
    finally:
        set_language(before)


def _fail(*_: object) -> None:
    raise OSError(28, "No space left on device")
