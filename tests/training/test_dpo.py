"""Preference optimisation: pairs stay pairs, and the model learns to prefer the chosen."""

import json
import math
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.config import ModelConfig
from engine.errors import ConfigError
from engine.tokenizer import Tokenizer
from training.batches import IGNORED, PairBatches
from training.dpo import PreferenceTrainer
from training.mixture import Mixture
from training.model import GEB
from training.settings import DPOSettings
from training.shard_files import open_sources, source_sizes
from training.shards import write_shards
from training.trainer import Run

SETTINGS = DPOSettings(
    steps=12,
    batch_size=4,
    sequence_length=48,
    warmup_steps=1,
    matrix_learning_rate=0.01,
    learning_rate=1e-3,
    compile="off",
)


@pytest.fixture
def data(tmp_path: Path, tokenizer: Tokenizer) -> Path:
    (tmp_path / "dpo").mkdir()
    pairs = [
        {
            "prompt": [{"role": "user", "content": f"{i} 你好"}],
            "chosen": "Hello, the weather is fine.",
            "rejected": f"{i} park " * (40 if i == 7 else 2),
        }
        for i in range(24)
    ]
    lines = "".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs)
    (tmp_path / "dpo/a.jsonl").write_text(lines, encoding="utf-8")
    write_shards(tmp_path, tokenizer)
    return tmp_path


def _batches(data: Path) -> PairBatches:
    shards = open_sources(data / "dpo")
    mixture = Mixture(SETTINGS, {"a": {}}, source_sizes(shards))
    return PairBatches(shards, SETTINGS, bos_token_id=1, pad_token_id=3, mixture=mixture)


def test_the_halves_of_a_batch_are_chosen_and_rejected(data: Path, tokenizer: Tokenizer) -> None:
    batch = _batches(data).next()
    answers = [tokenizer.decode(row[row != IGNORED].tolist()) for row in batch.targets]
    prompts = [tokenizer.decode(row[:8].tolist()).split(" ")[0] for row in batch.input_ids]
    assert len(answers) == 8
    assert set(answers[:4]) == {" Hello, the weather is fine."}
    assert all("park" in answer for answer in answers[4:])
    assert prompts[:4] == prompts[4:]


def test_the_model_learns_to_prefer_and_the_reference_stays(
    tiny_config: ModelConfig, data: Path, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model = GEB(tiny_config)
    before = deepcopy(model.state_dict())
    reference = deepcopy(model)
    run = Run("dpo", data, tmp_path / "out", tokenizer, {})
    trainer = PreferenceTrainer(model, reference, _batches(data), SETTINGS, run)
    assert trainer.loss(_batches(data).next())[0].item() == pytest.approx(math.log(2))
    trainer.train()
    log = [json.loads(line) for line in (tmp_path / "out/log.jsonl").read_text().splitlines()]
    assert log[0]["loss"] == pytest.approx(math.log(2), abs=1e-4)
    assert log[-1]["loss"] < 0.5
    assert log[-1]["preference_accuracy"] == 1.0
    assert all(torch.equal(reference.state_dict()[name], value) for name, value in before.items())


def test_the_chosen_answer_stays_likely(
    tiny_config: ModelConfig, data: Path, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    """Preference alone is content where both answers become unlikely, one more than the other."""
    losses = {}
    for rpo_alpha in (0.0, 1.0):
        torch.manual_seed(0)
        model = GEB(tiny_config)
        settings = replace(SETTINGS, rpo_alpha=rpo_alpha)
        run = Run("dpo", data, tmp_path / f"out-{rpo_alpha}", tokenizer, {})
        PreferenceTrainer(model, deepcopy(model), _batches(data), settings, run).train()
        lines = (run.out / "log.jsonl").read_text().splitlines()
        losses[rpo_alpha] = [json.loads(line)["chosen_loss"] for line in lines]
    assert losses[1.0][0] == pytest.approx(losses[0.0][0])
    assert losses[1.0][-1] < losses[0.0][-1]
    assert losses[1.0][-1] < losses[1.0][0]


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(ConfigError, match="rpo_alpha"):
        replace(SETTINGS, rpo_alpha=-1.0)
