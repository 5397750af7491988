"""The stage before pretraining: random tokens that come twice."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from training_helpers import TINY_CONFIG, TINY_STAGE, write_data

from engine.config import ModelConfig
from engine.errors import ConfigError
from engine.tokenizer import Tokenizer
from training import checkpoint, prepretrain, pretrain
from training.batches import IGNORED
from training.distributed import Processes
from training.repetition import RepetitionBatches
from training.settings import StageSettings
from training.state import weights

_SETTINGS = StageSettings(steps=1, batch_size=4, sequence_length=96)


def test_what_counts_can_be_looked_up(tiny_config: ModelConfig) -> None:
    batch = RepetitionBatches(tiny_config, _SETTINGS, Processes()).next()
    assert batch.weights.sum().item() == pytest.approx(1)
    assert torch.equal(batch.weights > 0, batch.targets != IGNORED)
    for ids, targets, documents in zip(
        batch.input_ids.numpy(), batch.targets.numpy(), batch.document_ids.numpy(), strict=True
    ):
        assert np.count_nonzero(targets != IGNORED) > 20
        for place in np.flatnonzero(targets != IGNORED):
            seen = ids[: place + 1][documents[: place + 1] == documents[place]]
            before = np.flatnonzero(seen[:-1] == seen[-1])
            assert targets[place] in seen[before + 1]
    special = [tiny_config.bos_token_id, tiny_config.eos_token_id, tiny_config.pad_token_id]
    assert not np.isin(batch.targets.numpy(), special).any()


def test_processes_share_a_batch_and_a_place_is_found_again(tiny_config: ModelConfig) -> None:
    whole = RepetitionBatches(tiny_config, _SETTINGS, Processes())
    parts = [
        RepetitionBatches(tiny_config, _SETTINGS, replace(Processes(), rank=rank, count=2))
        for rank in (0, 1)
    ]
    for _ in range(2):
        batch, shared = whole.next(), [part.next() for part in parts]
        for rank in (0, 1):
            assert torch.equal(batch.input_ids[rank::2], shared[rank].input_ids)
            assert torch.equal(batch.weights[rank::2], shared[rank].weights)
    skipped = RepetitionBatches(tiny_config, _SETTINGS, Processes())
    skipped.skip(1)
    resumed = RepetitionBatches(tiny_config, _SETTINGS, Processes())
    resumed.load_state(skipped.state())
    assert torch.equal(resumed.next().input_ids, batch.input_ids)
    with pytest.raises(ConfigError, match="4 rows cannot be shared evenly by 3 processes"):
        RepetitionBatches(tiny_config, _SETTINGS, replace(Processes(), count=3))


def test_pretraining_goes_on_from_it(
    tmp_path: Path, tokenizer_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = Tokenizer(tokenizer_file)
    data, config = write_data(tmp_path / "data", tokenizer), tmp_path / "tiny.toml"

    def run(stage: object, *words: str) -> None:
        line = ["x", "--config", str(config), "--data", str(data), *words]
        monkeypatch.setattr(sys, "argv", line)
        stage.main()  # type: ignore[attr-defined]

    config.write_text(TINY_CONFIG)
    first, trunk = tmp_path / "first", tmp_path / "trunk"
    with pytest.raises(SystemExit, match=r"lacks the section \[prepretrain\]"):
        run(prepretrain, "--out", str(first))
    config.write_text(f"{TINY_CONFIG}[prepretrain]{TINY_STAGE}")
    run(prepretrain, "--out", str(first))
    longer = tmp_path / "longer"
    run(prepretrain, "--out", str(longer), "--steps", "4")
    one, other = (weights(checkpoint.load_model(folder)[0]) for folder in (first, longer))
    changed = {name for name in one if not torch.equal(one[name], other[name])}
    assert changed == {name for name in one if "mlp" not in name and "post_att" not in name}
    # What did not learn has no optimiser's state to go on from.
    run(prepretrain, "--out", str(first), "--steps", "4", "--resume")
    resumed = weights(checkpoint.load_model(first)[0])
    assert all(torch.equal(resumed[name], other[name]) for name in other)
    run(pretrain, "--checkpoint", str(first), "--out", str(trunk))
    card = checkpoint.read_card(checkpoint.resolve(trunk))
    assert list(card["training"]) == ["prepretrain", "pretrain"]
    begun, gone_on = (checkpoint.load_model(folder)[0] for folder in (first, trunk))
    assert not torch.equal(
        weights(begun)["model.norm.weight"], weights(gone_on)["model.norm.weight"]
    )
    run(pretrain, "--checkpoint", str(first), "--out", str(trunk), "--steps", "5", "--resume")
    assert checkpoint.read_progress(checkpoint.resolve(trunk)).step == 5
