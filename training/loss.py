"""Losses over a large vocabulary that never hold all logits.

The targets that count are taken chunk by chunk. A chunk's logits turn in place into the
gradient towards them, and two matrix products carry that on to the hidden states and the head.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from training.model import GEB

CHUNK_ROWS = 1024
"""Rows of logits held at once on the CPU: so few that its caches help."""

CUDA_CHUNK_ROWS = 8192
"""Rows of logits held at once on CUDA: so many that a matrix product fills the chip."""

Score = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Maps logits [chunk, vocab_size], rows int64 [chunk] and their weights FP32 [chunk] to a loss.

The logits turn into its gradient towards them.
"""


def chunked_cross_entropy(
    hidden: Tensor,
    head: Tensor,
    targets: Tensor,
    weights: Tensor,
    *,
    compiled: bool = False,
) -> Tensor:
    """Return the cross-entropy in nats, each target's times its weight, summed.

    `hidden` [rows, hidden_size], `head` [vocab_size, hidden_size] (in any precision: the
    logits are in that of `hidden`), `targets` int64 [rows], `weights` FP32 [rows], 0 where a
    target does not count. `compiled` fuses all passes over the logits.
    """
    nats = _compiled(_nats) if compiled else _nats

    def score(logits: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
        return nats(logits, targets[rows].clamp(min=0), weights)

    return _chunked_loss(hidden, head, weights, score)


def chunked_distillation(
    hidden: Tensor,
    head: Tensor,
    teacher_hidden: Tensor,
    teacher_head: Tensor,
    weights: Tensor,
    temperature: float = 1.0,
    *,
    compiled: bool = False,
) -> Tensor:
    """Return KL(teacher ‖ student) in nats, each target's times its weight, summed.

    Both distributions are softened by `temperature`, and the loss is multiplied by its square
    so that gradients keep their size (Hinton et al. 2015). Only the student gets gradients.
    `teacher_hidden` [rows, teacher_hidden_size], `teacher_head` [vocab_size,
    teacher_hidden_size]; all else as for `chunked_cross_entropy`.
    """
    divergence = _compiled(_divergence) if compiled else _divergence
    teacher_matrix = teacher_head.detach().to(teacher_hidden.dtype)

    def score(logits: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
        teacher_logits = teacher_hidden.detach()[rows] @ teacher_matrix.T
        return divergence(logits, teacher_logits, weights, temperature)

    return _chunked_loss(hidden, head, weights, score)


@torch.no_grad()
def sequence_nats(model: GEB, token_ids: list[int]) -> float:
    """Return -ln p of all tokens of one sequence after its first, given those before them."""
    tokens = torch.tensor([token_ids], device=model.lm_head.weight.device)
    # In FP32 whatever the model computes in: a rounded logit is off by hundredths of a nat.
    logits = model(tokens[:, :-1], None, lambda hidden, head: hidden[0].float() @ head.float().T)
    return F.cross_entropy(logits, tokens[0, 1:], reduction="sum").item()


def _chunked_loss(hidden: Tensor, head: Tensor, weights: Tensor, score: Score) -> Tensor:
    loss: Tensor = _ChunkedLoss.apply(hidden, head, weights, score)
    return loss


class _ChunkedLoss(torch.autograd.Function):
    """Computes the gradients in the forward pass, where the logits are at hand."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        head: Tensor,
        weights: Tensor,
        score: Score,
    ) -> Tensor:
        # Rows that count come first. The last chunk is filled up with others, which weigh
        # nothing: chunks of one shape are compiled once.
        counted = weights > 0
        order = torch.argsort(counted, descending=True, stable=True)
        count = int(counted.sum())
        weights = weights[order]
        chunk = CUDA_CHUNK_ROWS if hidden.is_cuda else CHUNK_ROWS
        matrix = head.to(hidden.dtype)
        total = torch.zeros((), device=hidden.device)
        hidden_grad = torch.zeros_like(hidden)
        head_grad = torch.zeros_like(head, dtype=torch.float32)
        for start in range(0, count, chunk):
            rows = order[start : start + chunk]
            states = hidden[rows]
            logits = states @ matrix.T
            total += score(logits, rows, weights[start : start + chunk])
            hidden_grad[rows] = logits @ matrix
            head_grad += logits.T @ states
        ctx.save_for_backward(hidden_grad, head_grad.to(head.dtype))
        return total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        hidden_grad, head_grad = ctx.saved_tensors
        return hidden_grad * grad, head_grad * grad, None, None


def _nats(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Return Σ weight · -ln p(label); `logits` become its gradient."""
    weights, labels = weights[:, None], labels[:, None]
    log_p = torch.log_softmax(logits, dim=-1, dtype=torch.float32)
    log_p_label = log_p.gather(1, labels)
    logits.copy_(log_p.exp() * weights)
    # Not by subtraction from what was rounded: where p is near 1, nothing would be left.
    logits.scatter_(1, labels, ((log_p_label.exp() - 1) * weights).to(logits.dtype))
    return -(log_p_label * weights).sum()


def _divergence(
    logits: Tensor, teacher_logits: Tensor, weights: Tensor, temperature: float
) -> Tensor:
    """Return temperature² · Σ weight · KL(teacher ‖ student); `logits` become its gradient."""
    weights = weights[:, None]
    log_p = torch.log_softmax(logits / temperature, dim=-1, dtype=torch.float32)
    log_q = torch.log_softmax(teacher_logits / temperature, dim=-1, dtype=torch.float32)
    q = log_q.exp()
    logits.copy_((log_p.exp() - q) * (weights * temperature))
    return temperature**2 * (q * (log_q - log_p) * weights).sum()


@cache
def _compiled(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Compile at the first use: the compiler is slow to import."""
    return torch.compile(function, dynamic=False)
