"""Cross-entropy over a large vocabulary without ever holding all logits."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from training.batches import IGNORED
from training.model import GEB

CHUNK_ROWS = 1024
"""Rows of logits held at once."""


class _ChunkedCrossEntropy(torch.autograd.Function):
    """Computes the gradients chunk by chunk in the forward pass, where the logits are at hand."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        counted = (targets != IGNORED).sum().clamp(min=1)
        total = torch.zeros((), device=hidden.device)
        hidden_grad = torch.empty_like(hidden)
        weight_grad = torch.zeros_like(weight, dtype=torch.float32)
        for start in range(0, hidden.shape[0], CHUNK_ROWS):
            rows = slice(start, start + CHUNK_ROWS)
            kept = targets[rows] != IGNORED
            logits = (hidden[rows] @ weight.T).float()
            labels = targets[rows].clamp(min=0)
            total += F.cross_entropy(logits, targets[rows], ignore_index=IGNORED, reduction="sum")
            grad = torch.softmax(logits, dim=-1)
            grad[torch.arange(len(labels), device=labels.device), labels] -= 1
            grad *= (kept / counted)[:, None]
            grad = grad.to(hidden.dtype)
            hidden_grad[rows] = grad @ weight
            weight_grad += grad.T @ hidden[rows]
        ctx.save_for_backward(hidden_grad, weight_grad.to(weight.dtype))
        return total / counted

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        hidden_grad, weight_grad = ctx.saved_tensors
        return hidden_grad * grad, weight_grad * grad, None


def chunked_cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy in nats over the targets that are not IGNORED.

    `hidden` [rows, hidden_size], `weight` [vocab_size, hidden_size], `targets` int64 [rows].
    """
    loss: Tensor = _ChunkedCrossEntropy.apply(hidden, weight, targets)
    return loss


@torch.no_grad()
def sequence_nats(model: GEB, token_ids: list[int]) -> float:
    """Return -ln p of all tokens of one sequence after its first, given those before them."""
    tokens = torch.tensor([token_ids], device=model.lm_head.weight.device)
    logits = model(tokens[:, :-1])[0].float()
    return F.cross_entropy(logits, tokens[0, 1:], reduction="sum").item()
