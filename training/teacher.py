"""Knowledge inheritance: a smaller or earlier model teaches through the first part of pretraining.

The loss gets weight · KL(teacher ‖ student) on every counted target; the weight falls linearly
to zero (Qin et al. 2022, "Knowledge Inheritance for Pre-trained Language Models"; CPM-2).
"""

from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from engine.config import ModelConfig
from engine.errors import ConfigError
from engine.tokenizer import Tokenizer
from training import checkpoint
from training.batches import Batch, Batches
from training.distributed import Processes
from training.execution import compiles, compute_dtype, prepare
from training.loss import chunked_distillation
from training.model import GEB
from training.settings import PretrainSettings, TeacherSettings
from training.trainer import Run, Trainer


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
        device = self.processes.device
        self.teacher = teacher.to(compute_dtype(settings, device)).requires_grad_(False)
        prepare(self.teacher, settings, Processes(device=device))
        self.inheritance = settings.teacher

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """See Trainer.loss; what is logged as the loss is the cross-entropy alone."""
        weight = teacher_weight(self.step, self.settings.steps, self.inheritance)
        if weight == 0:
            return super().loss(batch)
        with torch.no_grad():
            taught = self.forward(self.teacher, batch, lambda hidden, _: hidden)
        both = partial(self._nats_and_divergence, batch, taught)
        nats, divergence = self.forward(self.model, batch, both).unbind()
        return nats + weight * divergence, {"loss": nats, "teacher_divergence": divergence}

    def _nats_and_divergence(
        self, batch: Batch, taught: Tensor, hidden: Tensor, head: Tensor
    ) -> Tensor:
        divergence = chunked_distillation(
            hidden.flatten(0, 1),
            head,
            taught.flatten(0, 1),
            self.teacher.lm_head.weight,
            batch.weights.to(hidden.device).flatten(),
            self.inheritance.temperature,
            compiled=compiles(self.settings),
        )
        return torch.stack((self.nats(batch, hidden, head), divergence))


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
