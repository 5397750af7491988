"""Loss spikes: a poisoned batch is found, and every remedy does what its name says."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from training_helpers import SETTINGS, ScriptedBatches, Workshop, events_of, steps_of, write_data

from engine.config import ModelConfig
from engine.errors import DataError
from engine.tokenizer import Tokenizer
from training import checkpoint
from training.settings import SpikeSettings
from training.spikes import SpikeGuard

POISONED = 24
"""The batch of random tokens, when the loss has come down to a plain."""
SPIKES = SpikeSettings(window=16, skip_before=2, skip_after=1)
RUN = replace(
    SETTINGS,
    steps=30,
    evaluate_steps=1000,
    spikes=SPIKES,
    optimizer="adamw",
    checkpoint_minutes=0.0,
    keep_checkpoints=4,
)


@pytest.fixture(scope="module")
def workshop(
    tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer, tiny_config: ModelConfig
) -> Workshop:
    config = replace(tiny_config, tie_word_embeddings=False, num_hidden_layers=1)
    return Workshop(config, write_data(tmp_path_factory.mktemp("data"), tokenizer), tokenizer)


def _run(workshop: Workshop, out: Path, *remedies: str, **change: float) -> Path:
    settings = replace(RUN, spikes=replace(SPIKES, remedies=remedies, **change))
    workshop.trainer(out, settings, poisoned=frozenset({POISONED})).train()
    return out


def _without(workshop: Workshop, out: Path, first: int, last: int) -> Path:
    """Train as `_run` does, but never see some batches."""

    class Sparing(ScriptedBatches):
        def next(self):  # type: ignore[no-untyped-def]
            if self.place == first:
                self.skip(last + 1 - first)
            return super().next()

    trainer = workshop.trainer(out, RUN)
    trainer.batches.__class__ = Sparing
    trainer.train()
    return out


def _weights(out: Path) -> dict[str, torch.Tensor]:
    return load_file(checkpoint.resolve(out) / "model.safetensors")


def _same(one: Path, other: Path) -> bool:
    first, second = _weights(one), _weights(other)
    return all(torch.equal(first[name], second[name]) for name in first)


def test_a_spike_is_logged_even_without_a_remedy(workshop: Workshop, tmp_path: Path) -> None:
    (event,) = events_of(_run(workshop, tmp_path))
    losses = [entry["loss"] for entry in steps_of(tmp_path)]
    assert event["event"] == "spike"
    assert event["batch"] == POISONED
    assert event["loss"] == losses[POISONED] > 3 * losses[POISONED - 1]


def test_a_replaced_batch_leaves_no_trace_in_the_weights(
    workshop: Workshop, tmp_path: Path
) -> None:
    _run(workshop, tmp_path / "replaced", "replace")
    _without(workshop, tmp_path / "clean", POISONED, POISONED)
    assert _same(tmp_path / "replaced", tmp_path / "clean")
    (event,) = events_of(tmp_path / "replaced")
    assert event["remedies"] == ["replace"]
    assert [entry["step"] for entry in steps_of(tmp_path / "replaced")] == list(range(1, 31))


def test_skipping_goes_back_and_leaves_out_the_batches_around_the_spike(
    workshop: Workshop, tmp_path: Path
) -> None:
    _run(workshop, tmp_path / "skipped", "skip")
    _without(workshop, tmp_path / "clean", POISONED - 2, POISONED + 1)
    assert _same(tmp_path / "skipped", tmp_path / "clean")
    spike, skip = events_of(tmp_path / "skipped")
    assert (spike["event"], skip["event"]) == ("spike", "skip")
    assert (skip["first"], skip["last"]) == (POISONED - 2, POISONED + 1)
    assert skip["step"] == POISONED - 2
    assert [entry["step"] for entry in steps_of(tmp_path / "skipped")] == list(range(1, 31))


def test_a_run_without_a_checkpoint_skips_from_its_beginning(
    workshop: Workshop, tmp_path: Path
) -> None:
    settings = replace(RUN, checkpoint_minutes=60.0, spikes=replace(SPIKES, remedies=("skip",)))
    workshop.trainer(tmp_path / "skipped", settings, poisoned=frozenset({POISONED})).train()
    _without(workshop, tmp_path / "clean", POISONED - 2, POISONED + 1)
    assert _same(tmp_path / "skipped", tmp_path / "clean")


def test_a_run_killed_after_a_spike_is_resumed_as_if_it_had_not_been(
    workshop: Workshop, tmp_path: Path
) -> None:
    remedies = ("skip", "decay", "shrink")
    _run(workshop, tmp_path / "whole", *remedies)
    settings = replace(RUN, spikes=replace(SPIKES, remedies=remedies))
    poisoned = frozenset({POISONED})
    workshop.trainer(tmp_path / "cut", settings, poisoned=poisoned, stop_at=POISONED + 3).train()
    workshop.trainer(tmp_path / "cut", settings, poisoned=poisoned, resume=True).train()
    assert _same(tmp_path / "whole", tmp_path / "cut")


def test_shrinking_holds_the_embeddings_gradient_back_from_the_spike_on(
    workshop: Workshop, tmp_path: Path
) -> None:
    gradients = {}
    for name, remedies in (("plain", ()), ("shrunk", ("shrink",))):
        spikes = replace(SPIKES, remedies=remedies)
        settings = replace(RUN, steps=POISONED + 1, gradient_clip=1e9, spikes=spikes)
        poisoned = frozenset({POISONED})
        last = workshop.trainer(tmp_path / name, settings, poisoned=poisoned).train()
        before, after = (
            load_file(tmp_path / name / folder / "optimizer.safetensors")
            for folder in (f"step-{POISONED:07d}", last.name)
        )
        gradients[name] = [
            after[f"adamw.{weight}.exp_avg"] - 0.9 * before[f"adamw.{weight}.exp_avg"]
            for weight in ("model.embed_tokens.weight", "lm_head.weight")
        ]
    (embedding, head), (embedding_shrunk, head_shrunk) = gradients["plain"], gradients["shrunk"]
    torch.testing.assert_close(embedding_shrunk, 0.1 * embedding, rtol=1e-3, atol=1e-7)
    torch.testing.assert_close(head_shrunk, head)


def test_decaying_lowers_the_learning_rate_from_the_spike_on(
    workshop: Workshop, tmp_path: Path
) -> None:
    _run(workshop, tmp_path / "plain")
    _run(workshop, tmp_path / "decayed", "decay", learning_rate_factor=0.5)
    rates = [
        [entry["learning_rate"] for entry in steps_of(tmp_path / n)] for n in ("plain", "decayed")
    ]
    assert rates[0][:POISONED] == rates[1][:POISONED]
    assert [0.5 * rate for rate in rates[0][POISONED:]] == pytest.approx(rates[1][POISONED:])


def test_a_loss_that_is_no_number_can_be_replaced(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = workshop.trainer(
        tmp_path, replace(RUN, spikes=replace(SPIKES, remedies=("replace",)))
    )
    plain = trainer.loss

    def broken(batch):  # type: ignore[no-untyped-def]
        loss, values = plain(batch)
        return loss * float("nan") if trainer.batches.place == POISONED else loss, values

    monkeypatch.setattr(trainer, "loss", broken)
    trainer.train()
    assert [event["batch"] for event in events_of(tmp_path)] == [POISONED - 1]
    assert len(steps_of(tmp_path)) == 30


def test_spikes_that_no_remedy_ends_end_the_run(workshop: Workshop, tmp_path: Path) -> None:
    settings = replace(RUN, spikes=replace(SPIKES, remedies=("replace",), limit=2))
    trainer = workshop.trainer(tmp_path, settings, poisoned=frozenset(range(POISONED, 99)))
    with pytest.raises(DataError, match="More than 2 loss spikes"):
        trainer.train()
    assert checkpoint.resolve(tmp_path).name == f"step-{POISONED:07d}"


def test_nothing_is_a_spike_before_there_is_something_to_compare_with() -> None:
    guard = SpikeGuard(SpikeSettings(window=8, sigma=3))
    for step in range(4):
        assert not guard.is_spike(1e9, 1e9)
        guard.record(5.0 + step % 2, 1.0)
    assert guard.is_spike(7.1, 1.0)
    assert guard.is_spike(5.0, 1.1)
    assert guard.is_spike(float("nan"), 1.0)
    assert not guard.is_spike(6.9, 1.0)
    assert not guard.is_spike(0.0, 0.0)
