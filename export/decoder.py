"""The family of decoders that one graph covers, and its blocks in torch.

GEB, Llama, Mistral, Qwen2, Qwen3, GLM and ChatGLM are one block with options: biases and
norms on queries and keys, a sliding window, a rotary embedding of a part of each head.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.config import ModelConfig
from engine.errors import ConfigError
from training.model import MLP, RMSNorm


@dataclass(frozen=True, kw_only=True)
class DecoderConfig(ModelConfig):
    """A pre-norm decoder with the options that the families differ in."""

    qkv_bias: bool = False
    """Queries, keys and values have biases (Qwen2, GLM)."""
    qk_norm: bool = False
    """Each head's query and key are normalised before the rotation (Qwen3)."""
    sliding_window: int | None = None
    """A token sees so many of the latest tokens, itself included (Mistral); None: all."""
    rotary_dim: int | None = None
    """So many of each head's first dimensions are rotated (GLM: half); None: all."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rotary_dim is not None and (
            not 0 < self.rotary_dim <= self.head_dim or self.rotary_dim % 2
        ):
            raise ConfigError(
                "The model's rotary_dim must be even and at most {head_dim}, not {value}.",
                head_dim=self.head_dim,
                value=self.rotary_dim,
            )
        if self.sliding_window is not None and self.sliding_window < 1:
            raise ConfigError(
                "The model's sliding_window must be at least 1, not {value}.",
                value=self.sliding_window,
            )

    def describe(self, model_type: str) -> dict[str, Any]:
        """Return the contents of a bundle's config.json for a model of the given type."""
        values = self.to_hugging_face()
        for option in fields(DecoderConfig):
            if option.name in _OPTIONS and values[option.name] == option.default:
                del values[option.name]
        if model_type != "llama":
            values |= {"model_type": model_type, "attention_bias": self.qkv_bias}
            del values["architectures"]
        return values

    @property
    def rotated(self) -> int:
        """How many of each head's dimensions are rotated."""
        return self.rotary_dim or self.head_dim


_OPTIONS = {field.name for field in fields(DecoderConfig)} - {f.name for f in fields(ModelConfig)}


def as_decoder(config: ModelConfig) -> DecoderConfig:
    """Return `config` with all options at rest, or itself where it has them."""
    return config if isinstance(config, DecoderConfig) else DecoderConfig(**asdict(config))


def rotary_tables(config: DecoderConfig, length: int) -> tuple[Tensor, Tensor]:
    """Return cos and sin, float32 [length, rotated / 2] each."""
    exponents = torch.arange(0, config.rotated, 2, dtype=torch.float64) / config.rotated
    angles = torch.outer(torch.arange(length, dtype=torch.float64), config.rope_theta**-exponents)
    return angles.cos().float(), angles.sin().float()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the half-split pairs of the first dimensions of `x` [..., length, head_dim]."""
    size = 2 * cos.shape[1]
    first, second = x[..., : size // 2], x[..., size // 2 : size]
    turned = (first * cos - second * sin, second * cos + first * sin)
    return torch.cat((*turned, x[..., size:]), dim=-1)


class Attention(nn.Module):
    """Causal grouped-query attention with the family's options."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        query = config.num_attention_heads * config.head_dim
        key_value = config.num_key_value_heads * config.head_dim
        hidden, bias = config.hidden_size, config.qkv_bias
        self.q_proj = nn.Linear(hidden, query, bias=bias)
        self.k_proj = nn.Linear(hidden, key_value, bias=bias)
        self.v_proj = nn.Linear(hidden, key_value, bias=bias)
        self.o_proj = nn.Linear(query, hidden, bias=False)
        if config.qk_norm:
            self.q_norm = RMSNorm(config.head_dim, config.rms_norm_eps)
            self.k_norm = RMSNorm(config.head_dim, config.rms_norm_eps)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Return [batch, length, hidden_size]; `x` begins the sequence."""
        query = self.heads(self.q_proj(x))
        if self.config.qk_norm:
            query = self.q_norm(query)
        attended = F.scaled_dot_product_attention(
            rotate(query, cos, sin),
            self.cached_keys(self.k_proj(x), cos, sin),
            self.heads(self.v_proj(x)),
            attn_mask=self._mask(x.shape[1]),
            enable_gqa=True,
        )
        return self.o_proj(attended.transpose(1, 2).flatten(2))

    def heads(self, projected: Tensor) -> Tensor:
        """Return [batch, heads, length, head_dim] of [batch, length, heads · head_dim]."""
        return projected.unflatten(-1, (-1, self.config.head_dim)).transpose(1, 2)

    def cached_keys(self, projected: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Return projected keys as the cache holds them, [batch, heads, length, head_dim]."""
        keys = self.heads(projected)
        return rotate(self.k_norm(keys) if self.config.qk_norm else keys, cos, sin)

    def _mask(self, length: int) -> Tensor:
        mask = torch.ones(length, length, dtype=torch.bool).tril()
        window = self.config.sliding_window
        return mask if window is None else mask.triu(1 - window)


class Block(nn.Module):
    """One decoder layer. Parameter names are those of Hugging Face's Llama and Qwen."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = MLP(config)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Return [batch, length, hidden_size]."""
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        return x + self.mlp(self.post_attention_layernorm(x))
