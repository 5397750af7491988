"""Checkpoints outlive what happens to a run: kills, full disks, damage, another configuration."""

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from training_helpers import SETTINGS, Workshop, log_of, steps_of, write_data

from engine.config import ModelConfig
from engine.errors import ConfigError, DataError
from engine.tokenizer import Tokenizer
from training import checkpoint, cost, pretrain
from training.model import GEB

ROOT = Path(__file__).parent.parent.parent
CONFIG = """
[tokenizer]
vocab_size = 448
[model]
hidden_size = 64
intermediate_size = 176
num_hidden_layers = 2
num_attention_heads = 4
num_key_value_heads = 2
head_dim = 16
max_position_embeddings = 512
tie_word_embeddings = true
[pretrain]
steps = 40
batch_size = 4
sequence_length = 32
warmup_steps = 2
evaluate_steps = 20
checkpoint_minutes = 0.0
compile = "off"
# So sensitive that ordinary batches are replaced: the course depends on the window.
[pretrain.spikes]
remedies = ["replace", "decay"]
sigma = 1.5
window = 8
limit = 8
[sft]
steps = 1
batch_size = 1
sequence_length = 32
[dpo]
steps = 1
batch_size = 1
sequence_length = 32
"""


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer, tiny_config: ModelConfig
) -> Workshop:
    return Workshop(tiny_config, write_data(tmp_path_factory.mktemp("data"), tokenizer), tokenizer)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def _command(config: Path, data: Path, out: Path, *more: str) -> list[str]:
    return ["--config", str(config), "--data", str(data), "--out", str(out), *more]


def _kill_at_random(command: list[str], out: Path) -> int:
    """Start a run, kill -9 it at a random moment, and return how many steps it logged."""
    before = len(steps_of(out)) if (out / "log.jsonl").exists() else 0
    with subprocess.Popen(
        [sys.executable, "-m", "training.pretrain", *command],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    ) as child:
        while child.poll() is None and not (out / "latest").exists():
            time.sleep(0.01)
        wanted = before + random.randint(2, 12)  # noqa: S311 - sampling, not secrecy
        while child.poll() is None and (out / "log.jsonl").read_bytes().count(b"\n") < wanted:
            time.sleep(0.001)
        time.sleep(random.random() / 20)  # noqa: S311
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
    return len(steps_of(out))


def _run(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["training.pretrain", *command])
    pretrain.main()


def _files(out: Path) -> tuple[bytes, bytes]:
    folder = checkpoint.resolve(out)
    weights, optimizer = "model.safetensors", "optimizer.safetensors"
    return (folder / weights).read_bytes(), (folder / optimizer).read_bytes()


@pytest.mark.parametrize("kills", [1, pytest.param(6, marks=pytest.mark.slow)])
def test_a_killed_run_goes_on_as_if_it_had_not_been_killed(
    kills: int,
    workshop: Workshop,
    config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    _run(_command(config, workshop.data, whole), monkeypatch)
    assert sum(entry.get("event") == "spike" for entry in log_of(whole)) > 1
    for kill in range(kills):
        resume = ["--resume"] if kill else []
        reached = _kill_at_random(_command(config, workshop.data, killed, *resume), killed)
        if kill == 0:
            assert 0 < reached < 40
    _run(_command(config, workshop.data, killed, "--resume"), monkeypatch)
    assert _files(killed) == _files(whole)
    seen = [[(e["step"], e["loss"]) for e in log_of(out)] for out in (whole, killed)]
    assert seen[0] == seen[1]


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_a_checkpoint_is_as_large_as_the_tables_of_costs_say(
    optimizer: str, workshop: Workshop, tmp_path: Path
) -> None:
    workshop.trainer(tmp_path, replace(SETTINGS, optimizer=optimizer), stop_at=0).train()
    expected = cost.checkpoint_bytes(workshop.config, optimizer)
    assert sum(map(len, _files(tmp_path))) == pytest.approx(expected, rel=0.05)


def test_as_many_checkpoints_stay_as_wanted(workshop: Workshop, tmp_path: Path) -> None:
    settings = replace(SETTINGS, checkpoint_minutes=0.0, keep_checkpoints=3)
    workshop.trainer(tmp_path, settings).train()
    assert [folder.name[-1] for folder in checkpoint.finished(tmp_path)] == ["6", "7", "8"]


@contextmanager
def _files_at_most(size: int) -> Iterator[None]:
    """Let no file grow beyond `size` bytes, as on a disk that is full by then."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_said_and_leaves_the_checkpoint_before_it(
    workshop: Workshop, tmp_path: Path
) -> None:
    workshop.trainer(tmp_path, stop_at=2).train()
    before = _files(tmp_path)
    with (
        _files_at_most(100_000),
        pytest.raises(DataError, match=r"step-0000008 could not be written .*too large"),
    ):
        workshop.trainer(tmp_path, resume=True).train()
    assert _files(tmp_path) == before
    assert not list(tmp_path.glob(".step*"))
    workshop.trainer(tmp_path, resume=True).train()
    assert checkpoint.resolve(tmp_path).name == "step-0000008"


@pytest.mark.parametrize("damage", ["missing", "truncated", "other shape", "fewer layers"])
def test_a_damaged_checkpoint_is_refused_in_one_sentence(
    damage: str, tiny_config: ModelConfig, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    progress = checkpoint.Progress(step=1, tokens=0, batches={})
    folder = checkpoint.save(tmp_path, GEB(tiny_config), tokenizer, {}, progress, [])
    weights = folder / "model.safetensors"
    change = {"other shape": {"hidden_size": 32}, "fewer layers": {"num_hidden_layers": 1}}
    if damage == "missing":
        weights.unlink()
    elif damage == "truncated":
        weights.write_bytes(weights.read_bytes()[:-100])
    else:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | change[damage]))
    with pytest.raises(DataError) as error:
        checkpoint.load_model(tmp_path)
    assert str(folder) in str(error.value)


@pytest.mark.parametrize("damage", ["progress", "optimizer", "another optimizer"])
def test_a_run_that_cannot_be_resumed_says_so(
    damage: str, workshop: Workshop, tmp_path: Path
) -> None:
    folder = workshop.trainer(tmp_path, stop_at=0).train()
    settings = SETTINGS
    if damage == "progress":
        (folder / "progress.json").write_text("{}")
    elif damage == "optimizer":
        path = folder / "optimizer.safetensors"
        path.write_bytes(path.read_bytes()[:-100])
    else:
        settings = replace(SETTINGS, optimizer="adamw")
    with pytest.raises(ConfigError, match="cannot be resumed"):
        workshop.trainer(tmp_path, settings, resume=True).train()


@pytest.mark.parametrize("damaged", ["sources.json", "heldout.jsonl", "model_card.json"])
def test_damaged_descriptions_are_named_before_anything_is_trained(
    damaged: str,
    workshop: Workshop,
    config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    shutil.copytree(workshop.data, data)
    folder = workshop.trainer(out, stop_at=0).train()
    (folder if damaged == "model_card.json" else data).joinpath(damaged).write_text('{"a": ')
    before = (out / "log.jsonl").read_bytes()
    with pytest.raises(SystemExit, match=damaged):
        _run(_command(config, data, out, "--resume"), monkeypatch)
    assert (out / "log.jsonl").read_bytes() == before


def test_a_run_killed_while_it_replaced_a_checkpoint_can_save_again(
    workshop: Workshop, tmp_path: Path
) -> None:
    workshop.trainer(tmp_path, stop_at=2).train()
    shutil.copytree(checkpoint.resolve(tmp_path), tmp_path / ".replaced")
    workshop.trainer(tmp_path, stop_at=2).train()
    assert checkpoint.load_model(tmp_path)
    assert not (tmp_path / ".replaced").exists()


def test_a_checkpoint_of_another_shape_is_not_gone_on_with(
    workshop: Workshop, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    workshop.trainer(out, stop_at=0).train()
    config.write_text(CONFIG.replace("num_hidden_layers = 2", "num_hidden_layers = 3"))
    with pytest.raises(SystemExit, match="another shape than the configuration"):
        _run(_command(config, workshop.data, out, "--resume"), monkeypatch)


def test_the_card_keeps_every_run_of_a_stage_that_follows_itself(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "small.toml"
    config.write_text(CONFIG, encoding="utf-8")
    common = ["x", "--config", str(config), "--data", str(workshop.data)]
    for run, steps in enumerate((1, 2, 3)):
        words = ["--out", str(tmp_path / str(run)), "--steps", str(steps)]
        start = ["--checkpoint", str(tmp_path / str(run - 1))] if run else []
        monkeypatch.setattr(sys, "argv", [*common, *words, *start])
        pretrain.main()
    monkeypatch.setattr(
        sys, "argv", [*common, "--out", str(tmp_path / "2"), "--steps", "4", "--resume"]
    )
    pretrain.main()
    card = checkpoint.read_card(checkpoint.resolve(tmp_path / "2"))
    steps_of_runs = {name: figures["steps"] for name, figures in card["training"].items()}
    assert steps_of_runs == {"pretrain, run 1": 1, "pretrain, run 2": 2, "pretrain": 4}
