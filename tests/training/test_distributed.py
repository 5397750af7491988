"""Two processes train as one does, and their checkpoints fit any number of processes."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from distributed_runs import (
    ADAMW,
    MUON,
    POISONED,
    ROUNDED,
    SPIKED,
    dpo_trainer,
    workshop,
    write_pairs,
)
from safetensors.torch import load_file
from training_helpers import Workshop, events_of, steps_of, write_data

from engine.errors import ConfigError
from engine.tokenizer import Tokenizer
from training import checkpoint
from training.distributed import Processes
from training.rounding import load_scales

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer) -> Workshop:
    data = write_data(tmp_path_factory.mktemp("data"), tokenizer)
    write_pairs(data, tokenizer)
    return workshop(data, Processes())


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory, shop: Workshop) -> Path:
    """The runs of one process."""
    out = tmp_path_factory.mktemp("one")
    shop.trainer(out / "muon", MUON).train()
    shop.trainer(out / "adamw", ADAMW).train()
    shop.trainer(out / "from-one", ADAMW, stop_at=3).train()
    shop.trainer(out / "spiked", SPIKED, poisoned=POISONED).train()
    dpo_trainer(shop, out / "dpo").train()
    return out


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, shop: Workshop, one: Path) -> Path:
    """The runs of two processes."""
    out = tmp_path_factory.mktemp("two")
    shutil.copytree(one / "from-one", out / "from-one")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    together = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    paths = {"PYTHONPATH": f"{ROOT}{os.pathsep}{Path(__file__).parent}"}
    script = Path(__file__).with_name("two_processes.py")
    children = [
        subprocess.Popen(
            [sys.executable, "-W", "error", str(script), str(shop.data), str(out)],
            env={**os.environ, **together, **paths, "RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for child in children:
        _, errors = child.communicate(timeout=300)
        assert child.returncode == 0, errors[-3000:]
    return out


def _losses(out: Path) -> list[float]:
    return [entry["loss"] for entry in steps_of(out)]


def _assert_same_run(out: Path, reference: Path) -> None:
    assert _losses(out) == pytest.approx(_losses(reference), rel=1e-5)
    found, expected = (
        load_file(checkpoint.resolve(folder) / "model.safetensors") for folder in (out, reference)
    )
    assert found.keys() == expected.keys()
    for name, weights in expected.items():
        torch.testing.assert_close(found[name], weights, rtol=0, atol=2e-5, msg=name)


def test_two_processes_take_the_same_steps_as_one_with_muon(one: Path, two: Path) -> None:
    _assert_same_run(two / "muon", one / "muon")
    tokens = [[entry["tokens"] for entry in steps_of(out / "muon")] for out in (one, two)]
    assert tokens[0] == tokens[1]
    scores = [steps_of(out / "muon")[-1]["bits_per_byte_zh"] for out in (one, two)]
    assert scores[0] == pytest.approx(scores[1], rel=1e-3)


def test_two_processes_go_on_with_the_checkpoint_of_one(one: Path, two: Path) -> None:
    _assert_same_run(two / "from-one", one / "adamw")


def test_one_process_goes_on_with_the_checkpoint_of_two(
    one: Path, two: Path, shop: Workshop, tmp_path: Path
) -> None:
    shutil.copytree(two / "from-two", tmp_path / "run")
    folder = checkpoint.resolve(tmp_path / "run")
    assert (folder / "shards").is_dir()
    (folder / "model.safetensors").unlink()
    checkpoint.load_model(folder)
    shop.trainer(tmp_path / "run", ADAMW, resume=True).train()
    _assert_same_run(tmp_path / "run", one / "adamw")


def test_two_processes_go_back_together_after_a_spike(one: Path, two: Path) -> None:
    assert [event["event"] for event in events_of(two / "spiked")] == ["spike", "skip"]
    _assert_same_run(two / "spiked", one / "spiked")


def test_two_processes_round_to_int8_as_one_does(
    two: Path, shop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scales = load_scales(checkpoint.resolve(two / "rounded"))
    assert scales is not None
    # What each calibrates on its own rows is not quite the same: take theirs.
    monkeypatch.setattr("training.trainer.calibrate", lambda *_: scales)
    shop.trainer(tmp_path, ROUNDED).train()
    # A value at the edge of two steps may fall to either side.
    assert _losses(tmp_path) == pytest.approx(_losses(two / "rounded"), rel=1e-3)


def test_preferences_are_learnt_by_two_processes_as_by_one(one: Path, two: Path) -> None:
    _assert_same_run(two / "dpo", one / "dpo")
    accuracy = [steps_of(out / "dpo")[-1]["preference_accuracy"] for out in (one, two)]
    assert accuracy[0] == accuracy[1]


def test_a_damaged_shard_is_refused_in_one_sentence(
    two: Path, shop: Workshop, tmp_path: Path
) -> None:
    shutil.copytree(two / "from-two", tmp_path / "run")
    (shard,) = (tmp_path / "run").glob("step-*/shards/__1_0.distcp")
    shard.write_bytes(shard.read_bytes()[:2000])
    with pytest.raises(ConfigError, match="cannot be resumed"):
        shop.trainer(tmp_path / "run", ADAMW, resume=True).train()
