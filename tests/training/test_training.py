"""Training runs: they learn, they tell how it goes, and they stop when asked."""

import json
import signal
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from training_helpers import (
    SETTINGS,
    ScriptedBatches,
    Workshop,
    events_of,
    log_of,
    steps_of,
    write_data,
)

from engine.config import ModelConfig
from engine.errors import ConfigError, DataError
from engine.tokenizer import Tokenizer
from training import checkpoint
from training.batches import Batch
from training.mixture import MixtureSettings


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer, tiny_config: ModelConfig
) -> Workshop:
    return Workshop(tiny_config, write_data(tmp_path_factory.mktemp("data"), tokenizer), tokenizer)


def _weights(out: Path) -> bytes:
    return (checkpoint.resolve(out) / "model.safetensors").read_bytes()


def test_a_stopped_and_resumed_run_equals_an_uninterrupted_one_to_the_last_bit(
    workshop: Workshop, tmp_path: Path
) -> None:
    workshop.trainer(tmp_path / "whole").train()
    half = tmp_path / "half"
    stopped = workshop.trainer(half, stop_at=2).train()
    assert json.loads((stopped / "progress.json").read_text())["step"] == 3
    workshop.trainer(half, resume=True).train()
    assert _weights(half) == _weights(tmp_path / "whole")
    assert [p.name for p in half.glob("step-*")] == ["step-0000008"]


def test_training_lowers_the_loss_and_logs_every_step(workshop: Workshop, tmp_path: Path) -> None:
    workshop.trainer(tmp_path).train()
    log = log_of(tmp_path)
    assert [entry["step"] for entry in log] == list(range(1, 9))
    assert [entry["tokens"] for entry in log] == [128 * step for step in range(1, 9)]
    assert log[-1]["loss"] < log[0]["loss"] - 0.5
    assert log[3]["bits_per_byte_zh"] > log[7]["bits_per_byte_zh"]
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert settings == json.loads(json.dumps({"stage": "pretrain", **asdict(SETTINGS)}))
    assert log[0]["shares"] == {"a": 1.0}
    assert [entry["seconds"] for entry in log] == sorted(entry["seconds"] for entry in log)
    assert log[0]["learning_rate"] == pytest.approx(SETTINGS.learning_rate / 2)


def test_an_adaptive_mixture_follows_the_losses_and_a_resumed_run_its_shares(
    tiny_config: ModelConfig, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    shop = Workshop(tiny_config, write_data(tmp_path / "data", tokenizer, easy=True), tokenizer)
    targets = {"a": 1.0, "easy": 3.0}
    mixture = MixtureSettings(kind="adaptive", update_steps=5, targets=targets)
    settings = replace(SETTINGS, steps=30, mixture=mixture)
    shop.trainer(tmp_path / "whole", settings).train()
    log = log_of(tmp_path / "whole")
    assert [e["step"] for e in log if "loss_by_source" in e] == [5, 10, 15, 20, 25, 30]
    assert log[-1]["loss_by_source"]["a"] < log[-1]["loss_by_source"]["easy"]
    assert log[-5]["shares"]["easy"] < log[0]["shares"]["easy"] / 2
    shop.trainer(tmp_path / "half", settings, stop_at=17).train()
    shop.trainer(tmp_path / "half", settings, resume=True).train()
    assert _weights(tmp_path / "half") == _weights(tmp_path / "whole")


def test_the_last_losses_of_a_run_are_targets_for_another(
    workshop: Workshop, tmp_path: Path
) -> None:
    workshop.trainer(tmp_path / "reference").train()
    log = str(tmp_path / "reference/log.jsonl")
    mixture = MixtureSettings(kind="adaptive", update_steps=4, reference_log=log)
    workshop.trainer(tmp_path / "run", replace(SETTINGS, mixture=mixture)).train()
    assert set(log_of(tmp_path / "run")[-1]["loss_by_source"]) == {"a"}


def test_samples_show_what_the_model_writes(workshop: Workshop, tmp_path: Path) -> None:
    workshop.trainer(tmp_path, replace(SETTINGS, steps=60, evaluate_steps=10)).train()
    samples = [json.loads(line) for line in (tmp_path / "samples.jsonl").read_text().splitlines()]
    assert [sample["step"] for sample in samples[::4]] == [10, 20, 30, 40, 50, 60]
    story = {s["step"]: s["text"] for s in samples if s["prompt"] == "Once upon a time"}
    assert "in the park" in story[60]
    assert "in the park" not in story[10]


def test_what_a_killed_run_logged_after_its_checkpoint_is_not_logged_twice(
    workshop: Workshop, tmp_path: Path
) -> None:
    workshop.trainer(tmp_path, stop_at=2).train()
    with (tmp_path / "log.jsonl").open("a") as log:
        # The batch of the first event was drawn before the checkpoint, that of the second after.
        log.write('{"step": 3, "event": "spike", "batch": 2}\n')
        log.write('{"step": 3, "event": "spike", "batch": 3}\n')
        log.write('{"step": 4, "loss": 1}\n{"step": 5, "lo')
    workshop.trainer(tmp_path, resume=True).train()
    assert [entry["batch"] for entry in events_of(tmp_path)] == [2]
    assert [entry["step"] for entry in steps_of(tmp_path)] == list(range(1, 9))


def test_a_new_run_in_the_folder_of_an_old_one_leaves_nothing_of_it(
    workshop: Workshop, tmp_path: Path
) -> None:
    workshop.trainer(tmp_path).train()
    settings = replace(SETTINGS, steps=4, keep_checkpoints=3)
    workshop.trainer(tmp_path, settings).train()
    assert [p.name for p in tmp_path.glob("step-*")] == ["step-0000004"]
    assert len(log_of(tmp_path)) == 4


def test_a_second_ctrl_c_stops_at_once(workshop: Workshop, tmp_path: Path) -> None:
    class Impatient(ScriptedBatches):
        def next(self) -> Batch:
            batch = super().next()
            if self.place == 3:
                signal.raise_signal(signal.SIGINT)
                assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
            return batch

    before = signal.getsignal(signal.SIGINT)
    trainer = workshop.trainer(tmp_path)
    trainer.batches.__class__ = Impatient
    assert trainer.train().name == "step-0000003"
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
@pytest.mark.parametrize(
    "change", [{"micro_batch_size": 3}, {"activation_checkpointing": True}], ids=str
)
def test_saving_memory_changes_nothing_else(
    change: dict[str, int], optimizer: str, workshop: Workshop, tmp_path: Path
) -> None:
    settings = replace(SETTINGS, optimizer=optimizer, steps=4)
    workshop.trainer(tmp_path / "plain", settings).train()
    workshop.trainer(tmp_path / "sparing", replace(settings, **change)).train()
    for one, other in zip(log_of(tmp_path / "plain"), log_of(tmp_path / "sparing"), strict=True):
        assert other["loss"] == pytest.approx(one["loss"], rel=1e-4)
        assert other["gradient_norm"] == pytest.approx(one["gradient_norm"], rel=1e-3)


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_checkpoint(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.trainer(tmp_path, stop_at=1).train()
    trainer = workshop.trainer(tmp_path, resume=True)
    monkeypatch.setattr(trainer, "loss", lambda _: (_not_a_number(trainer.model), {}))
    with pytest.raises(DataError, match="diverged at step 3"):
        trainer.train()
    model, _ = checkpoint.load_model(tmp_path)
    assert all(torch.isfinite(p).all() for p in model.parameters())


def _not_a_number(model: torch.nn.Module) -> torch.Tensor:
    return next(model.parameters()).sum() * float("nan")


def test_tensorboard_shows_the_curves(workshop: Workshop, tmp_path: Path) -> None:
    workshop.trainer(tmp_path, tensorboard=True).train()
    board = EventAccumulator(str(tmp_path / "tensorboard"))
    board.Reload()
    losses = [event.value for event in board.Scalars("loss")]
    assert losses == pytest.approx([entry["loss"] for entry in log_of(tmp_path)])
    assert {"shares/a", "gradient_norm", "bits_per_byte_zh"} <= set(board.Tags()["scalars"])


def test_tensorboard_that_is_not_installed_is_said(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ConfigError, match="pip install tensorboard"):
        workshop.trainer(tmp_path, tensorboard=True).train()
