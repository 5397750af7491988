"""Preference optimisation: `python -m training.dpo --config NAME --checkpoint DIR …`.

Raises the chosen answer above the rejected one, relative to the model that tuning left
(Rafailov et al. 2023), which stays fixed as the reference. `rpo_alpha` keeps the chosen answer
likely besides (Pang et al. 2024, Iterative Reasoning Preference Optimization): preference alone
is content where both become unlikely, and a small model then forgets how to answer.
"""

from collections.abc import Iterator
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from training import checkpoint
from training.batches import IGNORED, Batch, Batches, PairBatches
from training.command import command
from training.distributed import Processes
from training.execution import prepare
from training.model import GEB
from training.rounding import Scales
from training.settings import DPOSettings
from training.stage import open_stage, run_to_the_end
from training.trainer import Run, Trainer, rows


class PreferenceTrainer(Trainer):
    """Trains on pairs against a fixed reference model of the same shape."""

    def __init__(
        self,
        model: GEB,
        reference: GEB,
        batches: Batches,
        settings: DPOSettings,
        run: Run,
        processes: Processes | None = None,
    ) -> None:
        super().__init__(model, batches, settings, run, processes)
        self.reference = reference.requires_grad_(False)
        prepare(self.reference, settings, self.processes)
        self.beta = settings.beta
        self.rpo_alpha = settings.rpo_alpha

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return -log sigmoid(beta · (log-ratio of chosen - log-ratio of rejected)).

        To it comes rpo_alpha times the loss of a chosen token, in nats. Averaged over all pairs of
        the batch, as Trainer.loss says.
        """
        targets = batch.targets.to(self.processes.device)
        reduce = partial(log_probabilities, targets)
        with torch.no_grad():
            before = self.forward(self.reference, batch, reduce)
        after = self.forward(self.model, batch, reduce)
        chosen, rejected = (after - before).chunk(2)
        margins = self.beta * (chosen - rejected)
        lengths = (targets != IGNORED).sum(1).clamp(min=1)
        pairs = self.settings.batch_size
        chosen_loss = -(after / lengths).chunk(2)[0].sum() / pairs
        loss = -F.logsigmoid(margins).sum() / pairs + self.rpo_alpha * chosen_loss
        return loss, {
            "chosen_loss": chosen_loss.detach(),
            "preference_margin": margins.sum() / pairs,
            "preference_accuracy": (margins > 0).float().sum() / pairs,
        }

    def round(self, scales: Scales | None) -> None:
        """Round both models alike, so that they differ by what was learnt only."""
        super().round(scales)
        self.reference.round(scales)

    def parts(self, batch: Batch) -> Iterator[Batch]:
        """Yield a batch in parts of at most micro_batch_size pairs, as Trainer.parts does."""
        pairs = len(batch.input_ids) // 2
        size = self.settings.micro_batch_size or pairs
        for start in range(0, pairs, size):
            chosen = torch.arange(start, min(start + size, pairs))
            yield rows(batch, torch.cat((chosen, chosen + pairs)))


def log_probabilities(targets: Tensor, hidden: Tensor, head: Tensor) -> Tensor:
    """Return the summed log-probability [rows] of each row's answer tokens.

    `targets` int64 [rows, length], `hidden` [rows, length, hidden_size], `head` [vocab_size,
    hidden_size].
    """
    row, place = (targets != IGNORED).nonzero(as_tuple=True)
    # Logits of the answers alone: they are few beside a prompt's and a row's padding.
    logits = (hidden[row, place] @ head.T.to(hidden.dtype)).float()
    nats = F.cross_entropy(logits, targets[row, place], reduction="none")
    return torch.zeros(len(targets), device=hidden.device).index_add(0, row, -nats)


@command
def main() -> None:
    """Run the stage."""
    stage = open_stage("dpo", __doc__)
    assert isinstance(stage.settings, DPOSettings)  # noqa: S101 - by the name of the stage
    assert stage.start is not None  # noqa: S101 - --checkpoint is required
    reference, _ = checkpoint.load_model(stage.start)
    batches = stage.batches(PairBatches)
    run_to_the_end(
        PreferenceTrainer(
            stage.model, reference, batches, stage.settings, stage.run, stage.processes
        )
    )


if __name__ == "__main__":
    main()
