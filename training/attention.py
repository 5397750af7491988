"""Causal attention within documents, by the fastest exact way of each device.

On CUDA, flex attention within documents and FlashAttention without any. Elsewhere, and where
nothing is to be compiled, matrix products and a softmax over blocks of queries: torch's fused
kernel for the CPU takes a fifth of a training step, most of it in the backward pass.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention

Mask: TypeAlias = Tensor | BlockMask
"""A BlockMask for flex attention. Else FP32 [batch or 1, 1, 1, length, length]: 0 where a query
(row) sees a key (column), -inf where not."""

QUERY_BLOCK = 128
"""Queries that matrix products handle at once: keys after the last of them are left out."""


def attention_mask(
    document_ids: Tensor | None, length: int, device: torch.device, *, compiled: bool = False
) -> Mask | None:
    """Return the mask that all layers share; None where `attend` is causal without one.

    `document_ids` int64 [batch, length]: a token sees earlier tokens of its own document only.
    `compiled` allows for what has to be compiled.
    """
    if device.type == "cuda":
        if document_ids is None:
            return None
        if compiled:
            return _block_mask(document_ids)
    visible = torch.ones(1, length, length, dtype=torch.bool, device=device).tril()
    if document_ids is not None:
        visible = visible & (document_ids[:, :, None] == document_ids[:, None, :])
    return torch.where(visible, 0.0, -torch.inf)[:, None, None]


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Mask | None) -> Tensor:
    """Return the attended values [batch, heads, length, head_dim].

    `query` [batch, heads, length, head_dim]; `key` and `value` [batch, groups, length, head_dim]:
    each group serves heads / groups neighbouring query heads. Causal whatever the mask.
    """
    if isinstance(mask, BlockMask):
        flex: Callable[..., Any] = flex_attention
        if not torch.compiler.is_compiling():
            flex = _compiled(flex_attention)
        attended: Tensor = flex(query, key, value, block_mask=mask, enable_gqa=True)
        return attended
    if mask is None:
        return F.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True)
    # The query heads of a group stand below each other: its keys and values need no copies.
    grouped = query.unflatten(1, (key.shape[1], -1)) * query.shape[-1] ** -0.5
    products: Tensor = _AttentionByProducts.apply(grouped, key, value, mask)
    return products.flatten(1, 2)


class _AttentionByProducts(torch.autograd.Function):
    """softmax(query · keyᵀ + bias) · value, with a backward pass that adds up in place.

    `query` [batch, groups, heads / groups, length, head_dim], `bias` as Mask says.
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
        attended, weights = [], []
        for start, stop in _query_blocks(query):
            block = query[:, :, :, start:stop]
            scores = _rows(block) @ key[:, :, :stop].mT
            scores = scores.view(*block.shape[:4], stop) + bias[..., start:stop, :stop]
            weights.append(torch.softmax(scores, dim=-1, dtype=torch.float32).to(value.dtype))
            attended.append((_rows(weights[-1]) @ value[:, :, :stop]).view(block.shape))
        ctx.save_for_backward(query, key, value, *weights)
        return torch.cat(attended, dim=3)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        query, key, value, *saved = ctx.saved_tensors
        query_grads = []
        key_grads: list[Tensor] = []
        value_grads: list[Tensor] = []
        for weights, (start, stop) in zip(saved, _query_blocks(query), strict=True):
            block_grad = grad[:, :, :, start:stop]
            weights_grad = (_rows(block_grad) @ value[:, :, :stop].mT).view(weights.shape)
            # The softmax's derivative: weight · (gradient - its mean under the weights).
            weighted = weights.float() * weights_grad
            centred = weighted - weights * weighted.sum(-1, keepdim=True)
            scores_grad = _rows(centred.to(query.dtype))
            query_grads.append((scores_grad @ key[:, :, :stop]).view(block_grad.shape))
            _add_blocks(key_grads, scores_grad.mT @ _rows(query[:, :, :, start:stop]))
            _add_blocks(value_grads, _rows(weights).mT @ _rows(block_grad))
        return (
            torch.cat(query_grads, dim=3),
            torch.cat(key_grads, dim=2),
            torch.cat(value_grads, dim=2),
            None,
        )


def _query_blocks(query: Tensor) -> list[tuple[int, int]]:
    """Return the first position of every block of queries, and the first after it."""
    length = query.shape[3]
    return [(start, min(start + QUERY_BLOCK, length)) for start in range(0, length, QUERY_BLOCK)]


def _rows(x: Tensor) -> Tensor:
    """Return [batch, groups, heads / groups, queries, n] as matrices [batch, groups, rows, n]."""
    return x.flatten(2, 3)


def _add_blocks(sums: list[Tensor], gradient: Tensor) -> None:
    """Add a gradient [batch, groups, keys, n] to that of earlier, shorter ones, in blocks."""
    blocks = gradient.split(QUERY_BLOCK, dim=2)
    sums[:] = [*map(torch.add, sums, blocks), *blocks[len(sums) :]]


def _block_mask(document_ids: Tensor) -> BlockMask:
    batch, length = document_ids.shape

    def visible(row: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return (query >= key) & (document_ids[row, query] == document_ids[row, key])

    mask: BlockMask = _compiled(create_block_mask)(
        visible, batch, None, length, length, device=document_ids.device
    )
    return mask


@cache
def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile at the first use: the compiler is slow to import."""
    return torch.compile(function)
