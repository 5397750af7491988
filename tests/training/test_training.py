"""Training runs: they learn, they stop when asked, and a resumed run is the same run."""

import json
import os
import signal
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from engine.config import ModelConfig
from engine.errors import DataError
from engine.tokenizer import Tokenizer
from training import checkpoint
from training.batches import Batch, Batches
from training.mixture import Mixture
from training.model import GEB
from training.settings import StageSettings
from training.shard_files import source_sizes
from training.shards import write_shards
from training.trainer import Run, Trainer

SETTINGS = StageSettings(
    steps=8, batch_size=4, sequence_length=32, warmup_steps=2, compile="off", evaluate_steps=4
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer) -> Path:
    folder = tmp_path_factory.mktemp("data")
    (folder / "pretrain").mkdir()
    records = [
        {"text": f"{i} 天气很好，我们去公园散步。The weather is fine in the park.", "lang": "zh"}
        for i in range(50)
    ]
    lines = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records)
    (folder / "pretrain/a.jsonl").write_text(lines, encoding="utf-8")
    (folder / "heldout.jsonl").write_text(lines[:500].rpartition("\n")[0], encoding="utf-8")
    write_shards(folder, tokenizer)
    return folder


class StoppingBatches(Batches):
    """Asks the run to stop, as Ctrl-C does, when a given batch is taken."""

    stop_at = -1

    def next(self) -> Batch:
        self.stop_at -= 1
        if self.stop_at == 0:
            os.kill(os.getpid(), signal.SIGINT)
        return super().next()


def _trainer(
    config: ModelConfig,
    data: Path,
    tokenizer: Tokenizer,
    out: Path,
    *,
    stop_at: int = -1,
    resume: bool = False,
) -> Trainer:
    torch.manual_seed(0)
    model = checkpoint.load_model(out)[0] if resume else GEB(config)
    folder = data / "pretrain"
    mixture = Mixture(SETTINGS, {"a": {}}, source_sizes(folder))
    batches = StoppingBatches(folder, SETTINGS, bos_token_id=1, pad_token_id=3, mixture=mixture)
    batches.stop_at = stop_at
    run = Run("pretrain", data, out, tokenizer, {}, resume)
    return Trainer(model, batches, SETTINGS, run)


def test_a_stopped_and_resumed_run_equals_an_uninterrupted_one_to_the_last_bit(
    tiny_config: ModelConfig, data: Path, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    whole = _trainer(tiny_config, data, tokenizer, tmp_path / "whole").train()
    half = tmp_path / "half"
    stopped = _trainer(tiny_config, data, tokenizer, half, stop_at=3).train()
    assert json.loads((stopped / "progress.json").read_text())["step"] == 3
    resumed = _trainer(tiny_config, data, tokenizer, half, resume=True).train()
    assert (resumed / "model.safetensors").read_bytes() == (
        whole / "model.safetensors"
    ).read_bytes()
    assert [p.name for p in half.glob("step-*")] == ["step-0000008"]


def test_a_resumed_run_outlives_the_checkpoint_that_it_came_from(
    tiny_config: ModelConfig, data: Path, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    _trainer(tiny_config, data, tokenizer, tmp_path, stop_at=2).train()
    resumed = _trainer(tiny_config, data, tokenizer, tmp_path, resume=True)
    resumed.settings = replace(SETTINGS, checkpoint_minutes=0.0)
    assert resumed.train().name == "step-0000008"


def test_training_lowers_the_loss_and_logs_every_step(
    tiny_config: ModelConfig, data: Path, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    _trainer(tiny_config, data, tokenizer, tmp_path).train()
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == list(range(1, 9))
    assert log[-1]["loss"] < log[0]["loss"] - 0.5
    assert log[3]["bits_per_byte_zh"] > log[7]["bits_per_byte_zh"]
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert settings == json.loads(json.dumps({"stage": "pretrain", **asdict(SETTINGS)}))


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_checkpoint(
    tiny_config: ModelConfig, data: Path, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    _trainer(tiny_config, data, tokenizer, tmp_path, stop_at=2).train()
    trainer = _trainer(tiny_config, data, tokenizer, tmp_path, resume=True)
    with torch.no_grad():
        trainer.model.model.norm.weight.fill_(float("nan"))
    with pytest.raises(DataError, match="diverged at step 3"):
        trainer.train()
    model, _ = checkpoint.load_model(tmp_path)
    assert all(torch.isfinite(p).all() for p in model.parameters())


@pytest.mark.parametrize("damage", ["missing", "truncated", "other shape"])
def test_a_damaged_checkpoint_is_refused_in_one_sentence(
    damage: str, tiny_config: ModelConfig, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    progress = checkpoint.Progress(step=1, tokens=0, batches={})
    folder = checkpoint.save(tmp_path, GEB(tiny_config), tokenizer, {}, progress, [])
    weights = folder / "model.safetensors"
    if damage == "missing":
        weights.unlink()
    elif damage == "truncated":
        weights.write_bytes(weights.read_bytes()[:-100])
    else:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"hidden_size": 32}))
    with pytest.raises(DataError) as error:
        checkpoint.load_model(tmp_path)
    assert str(folder) in str(error.value)
