"""Muon for the matrices inside the blocks, AdamW for embeddings, head and norms; or AdamW alone.

torch.optim.Muon orthogonalises in bfloat16, which CPUs without bfloat16 instructions
emulate 20 times slower, and does not know sharded parameters; this one copes with both.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.optim import AdamW, Optimizer

from training.distributed import shard_like, whole
from training.execution import compute_dtype
from training.model import GEB
from training.settings import StageSettings

# Quintic Newton–Schulz coefficients of Jordan et al. 2024, tuned for few iterations.
_A, _B, _C = 3.4445, -4.7750, 2.0315
_BETAS = (0.9, 0.95)
_MATRIX_LEARNING_RATE = 0.02
_DECAY_FRACTION = 0.3


def orthogonalise(matrix: Tensor, iterations: int = 5) -> Tensor:
    """Return a matrix with `matrix`'s singular vectors and all singular values near 1.

    Source: Newton–Schulz iteration of Muon (Jordan et al. 2024).
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(iterations):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=_B, alpha=_C), x, beta=_A)
    return x.T if tall else x


class Muon(Optimizer):
    """Nesterov momentum, orthogonalised: every direction of a matrix moves equally far.

    Sharded matrices (DTensor) are dealt out to the processes: each gathers and orthogonalises
    its own, and sends every process the shard of the result that is that process's.

    `dtype` is what it orthogonalises in: where the hardware has bfloat16 that takes a fraction
    of the time and half the traffic, and five iterations are no exact matter.
    """

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.dtype = dtype
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # noqa: ARG002
        """Update every matrix that has a gradient."""
        for group in self.param_groups:
            matrices = [matrix for matrix in group["params"] if matrix.grad is not None]
            sharded = matrices and isinstance(matrices[0], DTensor)
            rank = matrices[0].device_mesh.get_rank() if sharded else 0
            count = matrices[0].device_mesh.size() if sharded else 1
            for start in range(0, len(matrices), count):
                self._step_together(matrices[start : start + count], group, rank)

    def _step_together(self, matrices: list[Tensor], group: dict[str, Any], rank: int) -> None:
        """Update at most one matrix per process; process `rank` orthogonalises its own."""
        updates: dict[int, Tensor] = {}
        for owner, matrix in enumerate(matrices):
            gathered = whole(self._nesterov(matrix, group["momentum"]))
            if owner == rank:
                updates[owner] = orthogonalise(gathered)
        for owner, matrix in enumerate(matrices):
            update = updates.get(owner, gathered.new_empty(matrix.shape))
            scale = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
            matrix.mul_(1 - group["lr"] * group["weight_decay"])
            matrix.add_(shard_like(update, matrix, owner), alpha=-group["lr"] * scale)

    def _nesterov(self, matrix: Tensor, momentum: float) -> Tensor:
        state = self.state[matrix]
        if not state:
            state["momentum"] = torch.zeros_like(matrix)
        gradient = matrix.grad
        assert gradient is not None  # noqa: S101 - `step` chose those with a gradient
        average = state["momentum"]
        average.lerp_(gradient, 1 - momentum)
        update = gradient.lerp(average, momentum)
        return update.to(self.dtype)


def build_optimizers(model: GEB, settings: StageSettings) -> list[Optimizer]:
    """Return the optimisers of all parameters, every group with its peak as "initial_lr"."""
    matrices = [p for p in model.model.layers.parameters() if p.dim() == 2]
    inside = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in inside]
    rate = settings.learning_rate
    groups = [{"params": others, "weight_decay": 0.0}]
    optimizers: list[Optimizer] = []
    if settings.optimizer == "adamw":
        groups.append({"params": matrices, "weight_decay": settings.weight_decay})
    else:
        matrix_rate = settings.matrix_learning_rate or _MATRIX_LEARNING_RATE
        dtype = compute_dtype(settings, matrices[0].device)
        decay = settings.weight_decay
        optimizers.append(Muon(matrices, lr=matrix_rate, weight_decay=decay, dtype=dtype))
    fused = matrices[0].is_cuda
    optimizers.append(AdamW(groups, rate, _BETAS, settings.adam_epsilon, fused=fused))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
    return optimizers


def set_learning_rate(optimizers: list[Optimizer], scale: float) -> None:
    """Set every group to `scale` times its peak."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * scale


def learning_rate_scale(step: int, steps: int, settings: StageSettings) -> float:
    """Return the share of the peak learning rate at `step` (0-based) of `steps`, in (0, 1]."""
    if step < settings.warmup_steps:
        return (step + 1) / settings.warmup_steps
    if settings.schedule == "cosine":
        span = max(1, steps - settings.warmup_steps)
        done = (step - settings.warmup_steps) / span
        return 0.1 + 0.45 * (1 + float(torch.cos(torch.tensor(done * torch.pi))))
    if settings.schedule == "constant":
        return 1.0
    decay_steps = max(1.0, steps * (settings.decay_fraction or _DECAY_FRACTION))
    return max(0.0, min(1.0, (steps - step) / decay_steps))
