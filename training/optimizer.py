"""Muon for the matrices inside the blocks, AdamW for embeddings, head and norms.

torch.optim.Muon orthogonalises in bfloat16, which CPUs without bfloat16 instructions
emulate a hundred times slower; this one stays in the parameters' own precision.
"""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim import AdamW, Optimizer

from training.model import GEB
from training.settings import StageSettings

# Quintic Newton–Schulz coefficients of Jordan et al. 2024, tuned for few iterations.
_A, _B, _C = 3.4445, -4.7750, 2.0315


def orthogonalise(matrix: Tensor, iterations: int = 5) -> Tensor:
    """Return a matrix with `matrix`'s singular vectors and all singular values near 1.

    Source: Newton–Schulz iteration of Muon (Jordan et al. 2024).
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(iterations):
        gram = x @ x.T
        x = _A * x + (_B * gram + _C * gram @ gram) @ x
    return x.T if tall else x


class Muon(Optimizer):
    """Nesterov momentum, orthogonalised: every direction of a matrix moves equally far."""

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # noqa: ARG002
        """Update every matrix that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter)
                average = state["momentum"]
                average.lerp_(parameter.grad, 1 - group["momentum"])
                update = orthogonalise(parameter.grad.lerp(average, group["momentum"]))
                scale = max(1.0, parameter.shape[0] / parameter.shape[1]) ** 0.5
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(update, alpha=-group["lr"] * scale)


def build_optimizers(model: GEB, settings: StageSettings) -> list[Optimizer]:
    """Return Muon and AdamW with the paper's betas (0.9, 0.95), at their peak learning rates."""
    matrices = [p for p in model.model.layers.parameters() if p.dim() == 2]
    inside = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in inside]
    return [
        Muon(matrices, lr=settings.matrix_learning_rate, weight_decay=settings.weight_decay),
        AdamW(others, lr=settings.learning_rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def learning_rate_scale(step: int, settings: StageSettings) -> float:
    """Return the share of the peak learning rate at `step` (0-based), in (0, 1]."""
    if step < settings.warmup_steps:
        return (step + 1) / settings.warmup_steps
    if settings.schedule == "cosine":
        span = max(1, settings.steps - settings.warmup_steps)
        done = (step - settings.warmup_steps) / span
        return 0.1 + 0.45 * (1 + float(torch.cos(torch.tensor(done * torch.pi))))
    decay_steps = max(1.0, settings.steps * settings.decay_fraction)
    return max(0.0, min(1.0, (settings.steps - step) / decay_steps))
