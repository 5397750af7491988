"""`python -m training.ablation`: variants of a configuration, trained and measured alike."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from training_helpers import TINY_CONFIG, TINY_STAGE, steps_of, write_data

from engine.errors import ConfigError, DataError
from engine.tokenizer import Tokenizer
from export.card import extend
from training import ablation, checkpoint
from training.ablation import as_toml, merged, read_rows, read_variants
from training.settings import load_settings

ROOT = Path(__file__).parent.parent.parent
_VARIANTS = """
[[variants]]
name = "as it is"
[[variants]]
name = "a vocabulary of 310"
[variants.change.tokenizer]
vocab_size = 310
character_coverage = 1.0
[variants.change.model]
num_hidden_layers = 2
[[variants]]
name = "taught"
teacher = "as it is"
[variants.change.pretrain.teacher]
until = 0.5
[[variants]]
name = "from nothing"
[variants.change]
prepretrain = {}
lookup = {}
"""
_QUESTIONS = """{"data": [{"paragraphs": [{"context": "天气很好。", "qas": [
{"id": "1", "question": "天气怎么样？", "answers": [{"text": "很好"}]}]}]}]}"""


def test_variants_are_trained_once_and_come_into_the_card(
    tmp_path: Path, tokenizer_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, out = write_data(tmp_path / "data", Tokenizer(tokenizer_file)), tmp_path / "out"
    config, variants = tmp_path / "tiny.toml", tmp_path / "variants.toml"
    # The questions' prompt needs more room.
    roomy = TINY_CONFIG.replace("max_position_embeddings = 64", "max_position_embeddings = 256")
    config.write_text(f"{roomy}[prepretrain]{TINY_STAGE}[lookup]{TINY_STAGE}")
    variants.write_text(_VARIANTS)
    questions = tmp_path / "questions.json"
    questions.write_text(_QUESTIONS)
    words = ["ablation", "--config", str(config), "--variants", str(variants), "--steps", "3"]
    words += ["--questions", str(questions)]
    monkeypatch.setattr(sys, "argv", [*words, "--data", str(data), "--out", str(out)])
    ablation.main()
    rows = read_rows(out / ablation.TABLE)
    names = ["as it is", "a vocabulary of 310", "taught", "from nothing"]
    assert [row.name for row in rows] == names
    assert {row.tokens for row in rows} == {3 * 2 * 32}
    assert rows[0].parameters == rows[2].parameters < rows[1].parameters
    assert rows[0].petaflop < rows[1].petaflop
    assert all(0 < row.bits_per_byte["zh"] < 20 for row in rows)
    assert all(0 < row.answer_bits_per_byte["zh"] < 20 for row in rows)
    assert len({str(row.bits_per_byte) for row in rows}) == len(rows)
    # Random tokens came before all but the last, and those of one shape share them.
    stages = [
        list(checkpoint.read_card(checkpoint.resolve(out / folder))["training"])
        for folder in ("as-it-is", "a-vocabulary-of-310", "taught", "from-nothing")
    ]
    assert stages == [["prepretrain", "lookup", "pretrain"]] * 3 + [["pretrain"]]
    assert len(list((out / "first").iterdir())) == 4
    # The vocabulary is its own, and the data's is left as it was.
    assert Tokenizer(out / "a-vocabulary-of-310/data/tokenizer.model").vocab_size == 310
    assert (data / "tokenizer.model").read_bytes() == Tokenizer(tokenizer_file).serialized()
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")}
    (out / "taught" / "row.json").unlink()
    ablation.main()
    assert read_rows(out / ablation.TABLE) == rows
    assert times == {path: path.stat().st_mtime_ns for path in times}
    card = extend("# tiny\n## Limits\n", [], [], rows)
    assert "| as it is |" in card
    assert f"| {rows[2].bits_per_byte['zh']:.2f} |" in card
    assert f"| {rows[2].answer_bits_per_byte['zh']:.2f} |" in card
    assert "## Ablations" not in extend(card, [], [])


@pytest.mark.parametrize("whom", ["ablation", "stage", "both"])
def test_a_variant_that_is_stopped_is_saved_and_not_measured(
    whom: str, tmp_path: Path, tokenizer_file: Path
) -> None:
    """By SIGTERM to either process, as from a scheduler, and by Ctrl-C, which reaches both."""
    data, out = write_data(tmp_path / "data", Tokenizer(tokenizer_file)), tmp_path / "out"
    config, variants = tmp_path / "tiny.toml", tmp_path / "variants.toml"
    config.write_text(TINY_CONFIG)
    variants.write_text('[[variants]]\nname = "first"\n[[variants]]\nname = "second"\n')
    words = ["--config", config, "--variants", variants, "--steps", "1000000"]
    command = [sys.executable, "-m", "training.ablation", *words, "--data", data, "--out", out]
    log = out / "first" / "log.jsonl"
    with subprocess.Popen(
        list(map(str, command)), cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True
    ) as run:
        while run.poll() is None and not (log.exists() and log.read_bytes().count(b"\n") > 2):
            time.sleep(0.02)
        if whom == "both":
            os.killpg(run.pid, signal.SIGINT)
        elif whom == "stage":
            stage = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()[0]
            os.kill(int(stage), signal.SIGTERM)
        else:
            run.terminate()
        try:
            stopped = run.wait(60)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)
    assert stopped == 128 + (signal.SIGTERM if whom == "ablation" else signal.SIGINT)
    progress = checkpoint.read_progress(checkpoint.resolve(out / "first"))
    assert progress.step == len(steps_of(out / "first"))
    assert not (out / "first" / "row.json").exists()
    assert not (out / "second").exists()


def test_what_is_merged_comes_back_from_toml(tmp_path: Path) -> None:
    change = {"a": {"c": {"e": [1.5]}, "h": {}}, "f": {"g": True}}
    changed = merged({"a": {"b": 1, "c": {"d": "x"}, "h": 2}}, change)
    assert changed == {"a": {"b": 1, "c": {"d": "x", "e": [1.5]}}, "f": {"g": True}}
    path = tmp_path / "changed.toml"
    path.write_text(as_toml(changed))
    assert ablation.read_file(path) == changed


@pytest.mark.parametrize("name", ["nano"])
def test_the_variants_of_a_preset_are_configurations(name: str, tmp_path: Path) -> None:
    """Each is one, of about the size of the first, but where the size is what differs."""
    config = ablation.find_file(name, "configs")
    sizes = {}
    for variant in read_variants(ablation.find_file(name, "ablations")):
        path = tmp_path / "variant.toml"
        path.write_text(as_toml(merged(ablation.read_file(config), variant.change)))
        sizes[variant.name] = load_settings(str(path)).model.num_parameters
    assert sizes["nano"] == load_settings("nano").model.num_parameters
    for shape in ("8 narrow layers, no lookups", "3 wide layers, no lookups"):
        assert sizes[shape] == pytest.approx(sizes["nano"], rel=0.02)


def test_bad_files_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "variants.toml"
    path.write_text('[[variants]]\nname = "a"\nteacher = "b"\n[[variants]]\nname = "b"\n')
    with pytest.raises(ConfigError, match="a names a teacher that does not come before it"):
        read_variants(path)
    path.write_text('[[variants]]\nname = "a"\n[[variants]]\nname = "a"\n')
    with pytest.raises(ConfigError, match="two variants a"):
        read_variants(path)
    path.write_text(json.dumps([{"name": "a"}]))
    with pytest.raises(DataError, match="no table of ablations"):
        read_rows(path)
