"""The GEB architecture: a pre-norm decoder with RoPE, grouped-query attention and SwiGLU.

Parameter names are those of Hugging Face's Llama, so a checkpoint needs no conversion.
Source: GEB-1.3B (arXiv 2406.09900), section 2; its published config fixes pre-norm blocks
and one final norm.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from engine.config import ModelConfig
from training.attention import Mask, attend, attention_mask
from training.rounding import Rounding, Scales, check_scales, rounded_weight


class Linear(nn.Linear):
    """A matrix without bias. It multiplies in its input's precision, whatever its own is.

    With `rounds` its weight is what int8 leaves of it.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, bias=False)
        self.rounds = False
        self.channel_scales: Tensor | None = None
        """Of its input, where that is rounded channel by channel."""
        self.fixed: Tensor | None = None
        """Its rounded weight, while that need not be made anew."""

    def used(self) -> Tensor:
        """Return the weight that it multiplies with, [out, in]."""
        if self.fixed is not None:
            return self.fixed
        return rounded_weight(self.weight, self.channel_scales) if self.rounds else self.weight

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.used().to(x.dtype))


class RMSNorm(nn.Module):
    """x / rms(x) · weight over the last axis, computed in FP32 (Zhang & Sennrich 2019)."""

    def __init__(self, hidden_size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden_size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        wide = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)
        return (wide * self.weight).to(x.dtype)


def rotary_tables(config: ModelConfig, length: int) -> tuple[Tensor, Tensor]:
    """Return cos and sin, FP32 [length, head_dim / 2] each (Su et al. 2021)."""
    exponents = torch.arange(0, config.head_dim, 2, dtype=torch.float64) / config.head_dim
    angles = torch.outer(torch.arange(length, dtype=torch.float64), config.rope_theta**-exponents)
    return angles.cos().float(), angles.sin().float()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the half-split pairs of `x` [batch, heads, length, head_dim] by their position."""
    first, second = x.float().chunk(2, dim=-1)
    turned = torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)
    return turned.to(x.dtype)


class Attention(nn.Module):
    """Causal grouped-query attention: every key-value head serves several query heads."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads, self.groups = config.num_attention_heads, config.num_key_value_heads
        self.head_dim = config.head_dim
        query, key_value = self.heads * self.head_dim, self.groups * self.head_dim
        self.q_proj = Linear(config.hidden_size, query)
        self.k_proj = Linear(config.hidden_size, key_value)
        self.v_proj = Linear(config.hidden_size, key_value)
        self.o_proj = Linear(query, config.hidden_size)
        self.qkv_input, self.o_input = Rounding(), Rounding()
        self.keys, self.values = Rounding(), Rounding()

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Mask | None) -> Tensor:
        def split(projected: Tensor) -> Tensor:
            return projected.unflatten(-1, (-1, self.head_dim)).transpose(1, 2)

        x = self.qkv_input(x)
        query = rotate(split(self.q_proj(x)), cos, sin)
        key = self.keys(rotate(split(self.k_proj(x)), cos, sin))
        value = self.values(split(self.v_proj(x)))
        attended = attend(query, key, value, mask)
        return self.o_proj(self.o_input(attended.transpose(1, 2).flatten(2)))


class MLP(nn.Module):
    """SwiGLU: down(silu(gate(x)) · up(x)) (Shazeer 2020)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate_proj = Linear(config.hidden_size, config.intermediate_size)
        self.up_proj = Linear(config.hidden_size, config.intermediate_size)
        self.down_proj = Linear(config.intermediate_size, config.hidden_size)
        self.gate_up_input, self.down_input = Rounding(), Rounding()

    def forward(self, x: Tensor) -> Tensor:
        x = self.gate_up_input(x)
        return self.down_proj(self.down_input(F.silu(self.gate_proj(x)) * self.up_proj(x)))


class Block(nn.Module):
    """One decoder layer: attention, then the MLP, each after its norm and added back.

    With `recompute` only its input is kept for the backward pass.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = MLP(config)
        self.recompute = False

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Mask | None) -> Tensor:
        if self.recompute and torch.is_grad_enabled():
            recomputed: Tensor = checkpoint(self._layer, x, cos, sin, mask, use_reentrant=False)
            return recomputed
        return self._layer(x, cos, sin, mask)

    def _layer(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Mask | None) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    """Embedding, blocks and final norm: token ids [batch, length] to hidden states.

    The parameters are what an optimiser steps on and a checkpoint holds, usually FP32. They are
    cast where they are used to `compute_dtype`, in which activations flow; None: their own.
    `compiled` says whether the blocks are, so that attention may be what needs it.
    """

    cos: Tensor
    sin: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.compute_dtype: torch.dtype | None = None
        self.compiled = False
        self.rounds = False
        self.channel_scales: Tensor | None = None
        """Of the head's input, where the table is the head's matrix, too."""
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        cos, sin = rotary_tables(config, config.max_position_embeddings)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, input_ids: Tensor, document_ids: Tensor | None = None) -> Tensor:
        length = input_ids.shape[1]
        cos, sin = self.cos[:length], self.sin[:length]
        mask = attention_mask(document_ids, length, input_ids.device, compiled=self.compiled)
        x = self.embed_tokens(input_ids)
        if self.rounds:  # row by row, as the table is
            x = rounded_weight(x.flatten(0, 1), self.channel_scales).view_as(x)
        x = x.to(self.compute_dtype or x.dtype)
        for layer in self.layers:
            x = layer(x, cos, sin, mask)
        return self.norm(x)


class GEB(nn.Module):
    """The language model. Initialised with N(0, 0.02), residual outputs scaled by depth."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.model = Decoder(config)
        self.lm_head = Linear(config.hidden_size, config.vocab_size)
        if config.tie_word_embeddings:
            self.lm_head.weight = self.model.embed_tokens.weight
        self.head_input = Rounding()
        self.scales: Scales | None = None
        self.initialise()

    @torch.no_grad()
    def initialise(self) -> None:
        """Draw fresh weights from torch's generator."""
        depth_scale = (2 * self.config.num_hidden_layers) ** -0.5
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                residual = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(parameter, std=0.02 * (depth_scale if residual else 1.0))

    def forward(
        self,
        input_ids: Tensor,
        document_ids: Tensor | None = None,
        reduce: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> Tensor:
        """Return logits [batch, length, vocab_size], or what `reduce` makes of their factors.

        `input_ids` and `document_ids` are int64 [batch, length]; where `document_ids` is
        given, a token sees only earlier tokens of its own document. `reduce` gets the hidden
        states [batch, length, hidden_size] and the head's weight [vocab_size, hidden_size]:
        a loss needs not all logits at once, and sharded weights are whole only in here.
        """
        hidden = self.head_input(self.model(input_ids, document_ids))
        return self.lm_head(hidden) if reduce is None else reduce(hidden, self.lm_head.used())

    def places(self) -> dict[str, tuple[Rounding, list[Linear]]]:
        """Return where an int8 graph rounds, and the matrices that multiply what comes out there.

        The names are the graph's for linear layers, and "layers.N.keys" and ".values" for the
        cache, which meets no matrix.
        """
        found: dict[str, tuple[Rounding, list[Linear]]] = {}
        for number, layer in enumerate(self.model.layers):
            attention, mlp = cast(Block, layer).self_attn, cast(Block, layer).mlp
            qkv = [attention.q_proj, attention.k_proj, attention.v_proj]
            found |= {
                f"layers.{number}.qkv": (attention.qkv_input, qkv),
                f"layers.{number}.keys": (attention.keys, []),
                f"layers.{number}.values": (attention.values, []),
                f"layers.{number}.o": (attention.o_input, [attention.o_proj]),
                f"layers.{number}.gate_up": (mlp.gate_up_input, [mlp.gate_proj, mlp.up_proj]),
                f"layers.{number}.down": (mlp.down_input, [mlp.down_proj]),
            }
        return found | {"lm_head": (self.head_input, [self.lm_head])}

    @contextmanager
    def unchanging(self) -> Iterator[None]:
        """Round every weight once for all forward passes in here: it must stay as it is."""
        rounded = [m for m in self.modules() if isinstance(m, Linear) and m.rounds]
        for linear in rounded:
            linear.fixed = linear.used().detach()
        try:
            yield
        finally:
            for linear in rounded:
                linear.fixed = None

    def round(self, scales: Scales | None) -> None:
        """Round from here on as an int8 graph with these scales does; None: not at all.

        Raises ConfigError if they are another model's.
        """
        if scales is not None:
            check_scales(scales, self.config)
        self.scales = scales
        for name, (place, consumers) in self.places().items():
            place.set(None if scales is None else scales[name])
            for linear in consumers:
                linear.rounds, linear.channel_scales = place.on, place.by_channel()
        self.model.rounds = scales is not None
        tied = self.config.tie_word_embeddings
        self.model.channel_scales = self.lm_head.channel_scales if tied else None
