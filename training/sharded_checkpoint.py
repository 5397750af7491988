"""Checkpoints of several processes: each writes its own shards, at once or in the background.

The folder is the one of checkpoint, with `shards/` for the tensors; it resumes in any number
of processes. The last checkpoint of a run holds model.safetensors, too, for everyone else.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch import Tensor
from torch.optim import Optimizer

from engine.tokenizer import Tokenizer
from training import checkpoint, state
from training.checkpoint import Progress
from training.distributed import Processes, whole
from training.model import GEB


class ShardedCheckpoints:
    """Writes the checkpoints of a run, one after the other. All processes call every method."""

    def __init__(self, out: Path, processes: Processes, *, background: bool) -> None:
        self.out, self.processes = out, processes
        # Of its own: what the background sends must not mix with what training sends.
        self._group = dist.new_group(backend="gloo")
        self._thread = ThreadPoolExecutor(1) if background else None
        self._pending: tuple[int, Future[None]] | None = None

    def save(
        self,
        model: GEB,
        tokenizer: Tokenizer,
        card: dict[str, Any],
        progress: Progress,
        optimizers: list[Optimizer],
        keep: int,
        *,
        final: bool,
    ) -> None:
        """Write a checkpoint and make it the latest, the `final` one with whole weights.

        In the background only the copy to main memory has happened on return. Raises DataError
        if this one, or the one before in the background, could not be written.
        """
        self.finish()
        with self._writing(progress.step) as beside:
            self.processes.first_does(partial(checkpoint.clear, beside))
            tensors = state.training_state(model, optimizers)
            complete = partial(self._complete, beside, model, tokenizer, card, progress, keep)
            if self._thread is not None and not final:
                written = dcp.async_save(
                    tensors, checkpoint_id=beside / state.SHARDS, process_group=self._group
                )
                assert isinstance(written, Future)  # noqa: S101 - by the kind of its stager
                self._pending = (
                    progress.step,
                    self._thread.submit(self._complete_after, written, complete),
                )
                return
            dcp.save(tensors, checkpoint_id=beside / state.SHARDS, process_group=self._group)
            if final:
                kept = self._whole_weights(model)
                self.processes.first_does(partial(state.save_weights, beside, kept))
            self.processes.first_does(complete)

    def finish(self) -> None:
        """Wait for the background. Raises DataError if it failed."""
        if self._pending is None:
            return
        (step, pending), self._pending = self._pending, None
        with self._writing(step):
            error = pending.exception()
            if self.processes.any([error is not None])[0]:
                raise error or OSError("another process failed")

    def _complete(
        self,
        beside: Path,
        model: GEB,
        tokenizer: Tokenizer,
        card: dict[str, Any],
        progress: Progress,
        keep: int,
    ) -> None:
        checkpoint.describe(beside, model, tokenizer, card, progress)
        checkpoint.commit(self.out, progress.step, keep)

    def _complete_after(self, written: Future[Any], complete: Callable[[], None]) -> None:
        # The first process learns of the end only when all processes have written.
        written.result()
        if self.processes.rank == 0:
            complete()

    def _whole_weights(self, model: GEB) -> dict[str, Tensor]:
        """Gather one weight after the other; only the first process keeps them."""
        kept = {}
        for name, value in state.weights(model).items():
            gathered = whole(value)
            if self.processes.rank == 0:
                kept[name] = gathered.cpu()
        return kept

    def _writing(self, step: int) -> AbstractContextManager[Path]:
        return checkpoint.writing(self.out, step, first=self.processes.rank == 0)
