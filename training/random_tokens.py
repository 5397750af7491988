"""Batches without any text: documents of random tokens, for the stages before pretraining.

What pays off so rarely in text that small models find it late, there is nothing else to find here.
Training on made sequences first is called pre-pretraining (Hu et al. 2025).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.config import ModelConfig
from engine.errors import ConfigError, DataError
from training.batches import IGNORED, Batch
from training.distributed import Processes
from training.settings import StageSettings

Maker = Callable[[np.random.Generator], tuple[list[int], list[bool]]]
"""Returns a document's tokens, from <s> on, and which of them count as targets."""


class RandomTokenBatches:
    """Rows of documents, each row's made by one maker of the phase that it falls into.

    `phases` follow one another, each for as many steps. A batch is drawn from the step alone, so
    that runs resume exactly and every process draws the same one, of which it takes every count-th
    row. Raises ConfigError for a batch that the processes cannot share evenly.
    """

    def __init__(
        self, phases: Sequence[Sequence[Maker]], settings: StageSettings, processes: Processes
    ) -> None:
        if settings.batch_size % processes.count:
            raise ConfigError(
                "A batch of {rows} rows cannot be shared evenly by {count} processes.",
                rows=settings.batch_size,
                count=processes.count,
            )
        self._phases, self._settings, self._processes = phases, settings, processes
        self._step = 0

    @property
    def shares(self) -> dict[str, float]:
        """There are no sources."""
        return {}

    def next(self) -> Batch:
        """Return this process's rows of the next batch, of sequence_length tokens each."""
        generator = np.random.default_rng((self._settings.seed, self._step))
        phase = self._step * len(self._phases) // self._settings.steps
        makers = self._phases[min(phase, len(self._phases) - 1)]
        self._step += 1
        rows = [self._row(makers, generator) for _ in range(self._settings.batch_size)]
        ids, counts, documents = (np.stack(columns) for columns in zip(*rows, strict=True))
        # Rows weigh the same: makers differ in how many of their tokens count.
        weights = counts[:, 1:] / np.maximum(counts[:, 1:].sum(1, keepdims=True), 1) / len(rows)
        mine = slice(self._processes.rank, None, self._processes.count)
        targets = np.where(counts[mine, 1:], ids[mine, 1:], IGNORED)
        return Batch(
            torch.from_numpy(ids[mine, :-1].copy()),
            torch.from_numpy(targets),
            torch.from_numpy(weights[mine].astype(np.float32)),
            torch.from_numpy(documents[mine, :-1].copy()),
            torch.zeros(len(targets), dtype=torch.int64),
        )

    def skip(self, steps: int) -> None:
        """Move on as if so many batches had been drawn."""
        self._step += steps

    def reweigh(self, losses: dict[str, float]) -> None:
        """There is nothing to mix."""

    def state(self) -> dict[str, Any]:
        """Return the place, as JSON values."""
        return {"step": self._step}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go to a place that `state()` returned. Raises DataError for another stage's."""
        if set(state) != {"step"}:
            raise DataError("The data changed since the checkpoint was written; resume needs it.")
        self._step = state["step"]

    def _row(
        self, makers: Sequence[Maker], generator: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
        """Return tokens, which of them count as targets, and their document's number."""
        ids: list[int] = []
        counts: list[bool] = []
        documents: list[int] = []
        length, number = self._settings.sequence_length + 1, 0
        make = makers[int(generator.integers(len(makers)))]
        while len(ids) < length:
            number += 1
            tokens, counted = make(generator)
            ids += tokens
            counts += counted
            documents += [number] * len(tokens)
        return (
            np.array(ids[:length]),
            np.array(counts[:length]),
            np.array(documents[:length]),
        )


def ordinary_tokens(config: ModelConfig) -> NDArray[np.int64]:
    """Return all token ids, in order, but those that begin, end and fill up: int64 [count]."""
    special = [config.bos_token_id, config.eos_token_id, config.pad_token_id]
    return np.setdiff1d(np.arange(config.vocab_size), special)
