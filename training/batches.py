"""Batches for the training loop, drawn from the shards by share, with an exact state."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import DataError
from training.settings import StageSettings
from training.shards import PairShard, Row, Shard, Tokens

IGNORED = -100
"""Target of a token that is not trained on, as in torch's cross-entropy."""


@dataclass(frozen=True)
class Batch:
    """int64 tensors [batch_size, sequence_length]."""

    input_ids: Tensor
    targets: Tensor
    document_ids: Tensor


class Batches:
    """Rows of all sources of one stage, mixed by share.

    `state()` and `load_state()` make a resumed run see exactly the batches that an
    uninterrupted one would.
    """

    shard_type = Shard

    def __init__(
        self,
        folder: Path,
        shares: dict[str, float],
        settings: StageSettings,
        *,
        bos_token_id: int,
        pad_token_id: int,
    ) -> None:
        paths = sorted(folder.glob("*.tokens.npy"))
        if not paths:
            raise DataError(
                "There are no token shards in {folder}; run training.data and "
                "training.tokenizer first.",
                folder=folder,
            )
        shards = [self.shard_type(path, settings.sequence_length, settings.seed) for path in paths]
        self.shards = {shard.name: shard for shard in shards}
        weights = np.array([shares.get(s.name) or 0.0 for s in shards])
        sizes = np.array([len(shard) for shard in shards], dtype=float)
        # Without a share, a source counts by its size beside the others without one.
        free = weights == 0
        weights[free] = max(0.0, 1 - weights.sum()) * sizes[free] / max(sizes[free].sum(), 1)
        self.shares = weights / weights.sum()
        self.settings = settings
        self.bos_token_id, self.pad_token_id = bos_token_id, pad_token_id
        self._rows = [shard.rows() for shard in shards]
        self._generator = np.random.default_rng(settings.seed)

    def next(self) -> Batch:
        """Return the next batch."""
        rows = self._draw()
        shape = len(rows), self.settings.sequence_length + 1
        ids = np.full(shape, self.pad_token_id, dtype=np.int64)
        learn = np.zeros(shape, dtype=bool)
        for row, (tokens, loss) in enumerate(rows):
            ids[row, : len(tokens)] = tokens
            learn[row, : len(tokens)] = True if loss is None else loss
        documents = np.cumsum(ids == self.bos_token_id, axis=1)
        inputs, targets = ids[:, :-1], np.where(learn, ids, IGNORED)[:, 1:]
        # The first token of a document does not follow from the one before it.
        targets = np.where(ids[:, 1:] == self.bos_token_id, IGNORED, targets)
        return Batch(
            torch.from_numpy(inputs.copy()),
            torch.from_numpy(targets.copy()),
            torch.from_numpy(documents[:, :-1].copy()),
        )

    def _draw(self) -> list[Row]:
        """Take as many rows as a batch has, each from a source drawn by its share."""
        size = self.settings.batch_size
        sources = self._generator.choice(len(self._rows), size, p=self.shares)
        return [next(self._rows[source]) for source in sources]

    def state(self) -> dict[str, Any]:
        """Return the place in every source, as JSON values."""
        return {
            "cursors": {name: shard.cursor for name, shard in self.shards.items()},
            "generator": self._generator.bit_generator.state,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go to a place that `state()` returned. Raises DataError if the sources differ."""
        if set(state["cursors"]) != set(self.shards):
            raise DataError("The data changed since the checkpoint was written; resume needs it.")
        for name, cursor in state["cursors"].items():
            self.shards[name].cursor = cursor
        self._generator.bit_generator.state = state["generator"]


class PairBatches(Batches):
    """Preference pairs: the chosen conversations in a batch's first half, the rejected after."""

    shard_type = PairShard

    def _draw(self) -> list[Row]:
        halves = [self._split(*row) for row in super()._draw()]
        return [chosen for chosen, _ in halves] + [rejected for _, rejected in halves]

    def _split(self, tokens: Tokens, loss: NDArray[np.uint8] | None) -> tuple[Row, Row]:
        middle = int(np.flatnonzero(tokens == self.bos_token_id)[1])
        if loss is None:
            return (tokens[:middle], None), (tokens[middle:], None)
        return (tokens[:middle], loss[:middle]), (tokens[middle:], loss[middle:])
