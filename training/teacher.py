"""Knowledge inheritance: a smaller or earlier model teaches through the first part of pretraining.

The loss gets weight · KL(teacher ‖ student) on every counted target; the weight falls linearly
to zero (Qin et al. 2022, "Knowledge Inheritance for Pre-trained Language Models"; CPM-2).
"""

from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.config import ModelConfig
from engine.errors import ConfigError
from engine.tokenizer import Tokenizer
from training import checkpoint
from training.batches import IGNORED, Batch, Batches
from training.distributed import Processes
from training.execution import compute_dtype
from training.model import GEB
from training.settings import PretrainSettings, TeacherSettings
from training.trainer import Run, Trainer, mean_nats

CHUNK_ROWS = 1024
"""Rows of both models' logits held at once."""


class InheritingTrainer(Trainer):
    """Pretrains with a teacher, which every process holds whole."""

    def __init__(
        self,
        model: GEB,
        teacher: GEB,
        batches: Batches,
        settings: PretrainSettings,
        run: Run,
        processes: Processes | None = None,
    ) -> None:
        super().__init__(model, batches, settings, run, processes)
        dtype = compute_dtype(settings, self.processes.device)
        self.teacher = teacher.to(self.processes.device, dtype).requires_grad_(False)
        self.inheritance = settings.teacher

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """See Trainer.loss; what is logged as the loss is the cross-entropy alone."""
        weight = teacher_weight(self.step, self.settings.steps, self.inheritance)
        if weight == 0:
            return super().loss(batch)
        with torch.no_grad():
            taught = self.forward(self.teacher, batch, lambda hidden, _: hidden)
        nats_and_divergence = self.forward(self.model, batch, partial(self._both, batch, taught))
        nats, divergence = nats_and_divergence.unbind()
        return nats + weight * divergence, {"loss": nats, "teacher_divergence": divergence}

    def _both(self, batch: Batch, taught: Tensor, hidden: Tensor, head: Tensor) -> Tensor:
        counted = batch.targets.to(hidden.device) != IGNORED
        divergence = chunked_divergence(
            hidden[counted],
            head.to(hidden.dtype),
            taught[counted],
            self.teacher.lm_head.weight.to(taught.dtype),
            self.inheritance.temperature,
        )
        nats = mean_nats(batch, hidden, head)
        return torch.stack((nats, divergence / max(1, batch.target_count)))


def teacher_weight(step: int, steps: int, settings: TeacherSettings) -> float:
    """Return the divergence's weight at `step` (0-based): linear from the start to `until`."""
    return settings.weight * max(0.0, 1 - step / (settings.until * steps))


def open_teacher(path: Path, student: ModelConfig, tokenizer: Tokenizer) -> GEB:
    """Read the teacher in a checkpoint.

    Raises ConfigError if its vocabulary is another, or its context shorter than the student's,
    and DataError if it cannot be read.
    """
    teacher, folder = checkpoint.load_model(path)
    same_pieces = (folder / "tokenizer.model").read_bytes() == tokenizer.serialized()
    if not same_pieces or teacher.config.vocab_size != student.vocab_size:
        raise ConfigError(
            "The teacher {path} has another vocabulary than the student; both need the same.",
            path=folder,
        )
    return teacher


class _ChunkedDivergence(torch.autograd.Function):
    """Computes the gradients chunk by chunk in the forward pass, where the logits are at hand."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        head: Tensor,
        taught: Tensor,
        teacher_head: Tensor,
        temperature: float,
    ) -> Tensor:
        total = torch.zeros((), device=hidden.device)
        hidden_grad = torch.empty_like(hidden)
        head_grad = torch.zeros_like(head, dtype=torch.float32)
        for start in range(0, hidden.shape[0], CHUNK_ROWS):
            rows = slice(start, start + CHUNK_ROWS)
            student = torch.log_softmax((hidden[rows] @ head.T).float() / temperature, -1)
            teacher = torch.log_softmax((taught[rows] @ teacher_head.T).float() / temperature, -1)
            probabilities = teacher.exp()
            total += temperature**2 * (probabilities * (teacher - student)).sum()
            grad = (temperature * (student.exp() - probabilities)).to(hidden.dtype)
            hidden_grad[rows] = grad @ head
            head_grad += grad.T @ hidden[rows]
        ctx.save_for_backward(hidden_grad, head_grad.to(head.dtype))
        return total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        hidden_grad, head_grad = ctx.saved_tensors
        return hidden_grad * grad, head_grad * grad, None, None, None


def chunked_divergence(
    hidden: Tensor, head: Tensor, taught: Tensor, teacher_head: Tensor, temperature: float
) -> Tensor:
    """Return KL(teacher ‖ student) in nats, summed over the rows, × temperature².

    `hidden` [rows, hidden_size], `head` [vocab_size, hidden_size]; `taught` and `teacher_head`
    likewise with the teacher's hidden_size, and without gradients. Only a chunk of the rows has
    logits at a time.
    """
    divergence: Tensor = _ChunkedDivergence.apply(hidden, head, taught, teacher_head, temperature)
    return divergence
