"""Batches for the training loop, drawn from the shards by share, with an exact state."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import ConfigError, DataError
from training.mixture import Mixture
from training.rows import ContiguousRows, ConversationRows, PairRows, Rows, Span
from training.settings import BlendSettings, StageSettings
from training.shard_files import SourceShards

IGNORED = -100
"""Target of a token that is not trained on, as in torch's cross-entropy."""

TEXT, PROMPT, ANSWER = 1, 2, 3
"""What a target is: a token of text, of what the user says, of what the assistant says."""


@dataclass(frozen=True)
class Batch:
    """This process's rows of a batch: int64 tensors [rows, sequence_length]."""

    input_ids: Tensor
    targets: Tensor
    """The token after each input, or IGNORED: another document's, padding, not an answer's."""
    weights: Tensor
    """FP32: what each target's loss is multiplied by, 0 where it is IGNORED. Those of the whole
    batch, over all processes, add up to 1."""
    document_ids: Tensor
    """Numbers the documents of a row; attention stays within one."""
    source_ids: Tensor
    """int64 [rows], an index into `Batches.sources`."""


class BatchStream(Protocol):
    """Where a trainer draws its batches from."""

    @property
    def shares(self) -> dict[str, float]:
        """Share of each source in the next batch."""

    def next(self) -> Batch:
        """Return this process's rows of the next batch."""

    def skip(self, steps: int) -> None:
        """Move on as if so many batches had been drawn."""

    def reweigh(self, losses: dict[str, float]) -> None:
        """Follow held-out losses, if the mixture does."""

    def state(self) -> dict[str, Any]:
        """Return the place, as JSON values."""

    def load_state(self, state: dict[str, Any]) -> None:
        """Go to a place that `state()` returned."""


class Batches:
    """Rows of all sources of one stage, mixed by share.

    Every process draws the same batch and takes every world_size-th row of it from `rank` on,
    so that the data does not depend on the number of processes. `state()` and `load_state()`
    make a resumed run see exactly the batches that an uninterrupted one would.
    """

    def __init__(
        self,
        sources: Iterable[SourceShards],
        settings: StageSettings,
        *,
        bos_token_id: int,
        pad_token_id: int,
        mixture: Mixture,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        """Deal out the shards of `sources`, which `mixture` mixes.

        Raises DataError for shards that are missing or damaged, and ConfigError for batches that
        the processes cannot share evenly.
        """
        for rows, _ in mixture.shapes:
            if rows % world_size:
                raise ConfigError(
                    "A batch of {rows} rows cannot be shared evenly by {count} processes.",
                    rows=rows,
                    count=world_size,
                )
        opened = {source.name: source for source in sources}
        self.sources = mixture.sources
        shards = [opened[name] for name in self.sources]
        self.mixture = mixture
        self.settings = settings
        self.rank, self.world_size = rank, world_size
        self.bos_token_id, self.pad_token_id = bos_token_id, pad_token_id
        self.step = 0
        self._tokens = {source.name: sum(source.tokens) for source in shards}
        self._rows = [self._open_rows(source) for source in shards]

    def _open_rows(self, source: SourceShards) -> Rows:
        if source.has_loss:
            return ConversationRows(source, self._only_length(), self.settings.seed)
        return ContiguousRows(source, self.mixture.longest, self.settings.seed)

    def _only_length(self) -> int:
        lengths = {length for _, length in self.mixture.shapes}
        if len(lengths) > 1:
            raise ConfigError("The sequence length of conversations cannot change in stages.")
        return lengths.pop()

    @property
    def shares(self) -> dict[str, float]:
        """Share of each source in the rows of the next batch; they add up to 1."""
        shares = self.mixture.shares(self.step).tolist()
        return dict(zip(self.sources, shares, strict=True))

    def next(self) -> Batch:
        """Return this process's rows of the next batch."""
        length = self.mixture.shape(self.step)[1]
        sources, drawn = self._draw()
        parts = len(drawn[0])
        ids = np.full((parts * len(drawn), length + 1), self.pad_token_id, dtype=np.int64)
        kinds = np.zeros(ids.shape, dtype=np.uint8)
        for part in range(parts):
            for row, (source, spans) in enumerate(zip(sources, drawn, strict=True)):
                tokens, answers = self._rows[source].read(*spans[part])
                place = part * len(drawn) + row, slice(len(tokens))
                ids[place] = tokens
                kinds[place] = TEXT if answers is None else np.where(answers, ANSWER, PROMPT)
        # The first token of a document does not follow from the one before it.
        kinds[ids == self.bos_token_id] = 0
        weights = target_weights(kinds[:, 1:], self.settings.blend)
        mine = np.arange(len(ids)).reshape(parts, -1)[:, self.rank :: self.world_size].ravel()
        documents = np.cumsum(ids[mine] == self.bos_token_id, axis=1)
        targets = np.where(weights[mine] > 0, ids[mine, 1:], IGNORED)
        return Batch(
            torch.from_numpy(ids[mine, :-1]),
            torch.from_numpy(targets),
            torch.from_numpy(weights[mine]),
            torch.from_numpy(documents[:, :-1].copy()),
            torch.from_numpy(np.tile(sources, parts)[mine]),
        )

    def skip(self, steps: int) -> None:
        """Move on as if so many batches had been drawn."""
        for _ in range(steps):
            self._draw()

    def reweigh(self, losses: dict[str, float]) -> None:
        """Let an adaptive mixture follow held-out losses, in nats per token of each source.

        Every process must pass the same losses. Other mixtures stay as they are.
        """
        self.mixture.reweigh(losses)

    def _draw(self) -> tuple[NDArray[np.int64], list[tuple[Span, ...]]]:
        """Return the source and the place of every row of the next batch, and go past it.

        Sources are sampled systematically: one random offset, then even steps through the
        shares, so that a batch has each source's rows to within one of its share.
        """
        count, length = self.mixture.shape(self.step)
        generator = np.random.default_rng((self.settings.seed, self.step))
        places = (generator.random() + np.arange(count)) / count
        edges = np.cumsum(self.mixture.shares(self.step))[:-1]
        sources = np.searchsorted(edges, places, side="right")
        self.step += 1
        return sources, [self._rows[source].advance(length) for source in sources.tolist()]

    def state(self) -> dict[str, Any]:
        """Return the place in every source, as JSON values; the same in every process."""
        return {
            "step": self.step,
            "cursors": {rows.name: rows.cursor for rows in self._rows},
            "tokens": self._tokens,
            "mixture": self.mixture.state(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go to a place that `state()` returned, with any number of processes.

        Raises DataError if the data is not what it was.
        """
        if state.get("tokens") != self._tokens:
            raise DataError("The data changed since the checkpoint was written; resume needs it.")
        self.step = state["step"]
        for rows in self._rows:
            rows.cursor = state["cursors"][rows.name]
        self.mixture.load_state(state["mixture"])


def target_weights(kinds: NDArray[np.uint8], blend: BlendSettings | None) -> NDArray[np.float32]:
    """Return what each target's loss is multiplied by; all add up to 1, if any counts.

    `kinds` holds TEXT, PROMPT or ANSWER, 0 where a target never counts. Without a blend all of
    text and of answers count alike, and prompts not at all.
    """
    if blend is None:
        return _shared_out((kinds == TEXT) | (kinds == ANSWER), 1.0)
    answers, others = kinds == ANSWER, (kinds == TEXT) | (kinds == PROMPT)
    share = blend.answers if others.any() else 1.0
    return _shared_out(answers, share) + _shared_out(others, 1 - share if answers.any() else 1.0)


def _shared_out(counted: NDArray[np.bool_], share: float) -> NDArray[np.float32]:
    each = share / max(1, int(np.count_nonzero(counted)))
    weights: NDArray[np.float32] = counted.astype(np.float32) * np.float32(each)
    return weights


class PairBatches(Batches):
    """Preference pairs: the chosen conversations in a batch's first half, the rejected after."""

    def _open_rows(self, source: SourceShards) -> Rows:
        return PairRows(source, self._only_length(), self.settings.seed)
