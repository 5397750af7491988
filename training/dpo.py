"""Preference optimisation: `python -m training.dpo --config NAME --checkpoint DIR …`.

Raises the chosen answer above the rejected one, relative to the model that tuning left
(Rafailov et al. 2023), which stays fixed as the reference.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from training import checkpoint
from training.batches import IGNORED, Batch, Batches, PairBatches
from training.command import command
from training.model import GEB
from training.settings import DPOSettings
from training.stage import open_stage
from training.trainer import Run, Trainer


class PreferenceTrainer(Trainer):
    """Trains on pairs against a fixed reference model of the same shape."""

    def __init__(
        self, model: GEB, reference: GEB, batches: Batches, settings: DPOSettings, run: Run
    ) -> None:
        super().__init__(model, batches, settings, run)
        self.reference = reference.to(self.device).requires_grad_(False)
        self.beta = settings.beta

    def loss(self, batch: Batch) -> Tensor:
        """Return -log sigmoid(beta · (log-ratio of chosen - log-ratio of rejected)), averaged."""
        with torch.no_grad():
            before = self._log_probabilities(self.reference, batch)
        log_ratios = self._log_probabilities(self.model, batch) - before
        chosen, rejected = log_ratios.chunk(2)
        margins = self.beta * (chosen - rejected)
        self.metrics = {
            "preference_margin": margins.mean().item(),
            "preference_accuracy": (margins > 0).float().mean().item(),
        }
        return -F.logsigmoid(margins).mean()

    def _log_probabilities(self, model: GEB, batch: Batch) -> Tensor:
        """Return the summed log-probability [batch_size] of each row's answer tokens."""
        body = self.body if model is self.model else model.model
        hidden = self.hidden(batch, body)
        targets = batch.targets.to(self.device)
        rows, places = (targets != IGNORED).nonzero(as_tuple=True)
        # Logits of the answers alone: they are few beside a prompt's and a row's padding.
        logits = (hidden[rows, places] @ model.lm_head.weight.T.to(hidden.dtype)).float()
        nats = F.cross_entropy(logits, targets[rows, places], reduction="none")
        return torch.zeros(len(targets), device=self.device).index_add(0, rows, -nats)


@command
def main() -> None:
    """Run the stage."""
    stage = open_stage("dpo", __doc__)
    assert isinstance(stage.settings, DPOSettings)  # noqa: S101 - by the name of the stage
    assert stage.start is not None  # noqa: S101 - --checkpoint is required
    reference, _ = checkpoint.load_model(stage.start)
    batches = stage.batches(PairBatches)
    PreferenceTrainer(stage.model, reference, batches, stage.settings, stage.run).train()


if __name__ == "__main__":
    main()
