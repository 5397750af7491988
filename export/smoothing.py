"""Smoothed weights (training.smoothing) as a graph has them.

The division of a channel costs nothing at run time: it is folded into the norm or the matrix
that makes the channel.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from export.decoder import DecoderConfig
from export.weights import Weights

Array = NDArray[np.float32]


def over_groups(channels: Array, config: DecoderConfig) -> Array:
    """Return, for each value channel, the largest of the query heads' channels that it feeds."""
    shape = config.num_key_value_heads, -1, config.head_dim
    return channels.reshape(shape).max(axis=1).ravel()


def to_queries(channels: Array, config: DecoderConfig) -> Array:
    """Return value channels as the query heads see them."""
    groups = config.num_attention_heads // config.num_key_value_heads
    return channels.reshape(-1, 1, config.head_dim).repeat(groups, axis=1).ravel()


class SmoothedWeights:
    """The weights of the same function with smoother activations.

    A tied table holds the head's matrix: an embedding is its row divided by the head's factors.

    `factors` maps linear layers, as export.graph.linear_names names them, to the factors of
    their input channels; those of ".o" are given for the value channels.
    """

    def __init__(
        self, weights: Weights, config: DecoderConfig, factors: Mapping[str, Array]
    ) -> None:
        self._weights, self._config, self._factors = weights, config, factors

    def __call__(self, name: str) -> Array:
        """Return a parameter by its Llama name."""
        array = self._weights(name)
        layer, part = _place(name)
        if part == "embed_tokens" and self._config.tie_word_embeddings:
            part = "lm_head"
        factors = self._factors.get(f"{layer}{_CONSUMERS.get(part, '')}")
        if factors is not None and array.ndim == 2:
            array = array * (to_queries(factors, self._config) if part == "o_proj" else factors)
        factors = self._factors.get(f"{layer}{_PRODUCERS.get(part, '')}")
        if factors is not None:
            array = array / (factors if array.ndim == 1 else factors[:, None])
        return array


_CONSUMERS = {"q_proj": "qkv", "k_proj": "qkv", "v_proj": "qkv", "o_proj": "o"}
_CONSUMERS |= {"gate_proj": "gate_up", "up_proj": "gate_up", "down_proj": "down"}
_CONSUMERS |= {"lm_head": "lm_head"}
_PRODUCERS = {"input_layernorm": "qkv", "post_attention_layernorm": "gate_up"}
_PRODUCERS |= {"v_proj": "o", "up_proj": "down", "norm": "lm_head"}


def _place(name: str) -> tuple[str, str]:
    """Return ("layers.N.", part) of a parameter's name, or ("", part) outside the layers."""
    pieces = name.removeprefix("model.").split(".")
    layer = f"layers.{pieces[1]}." if pieces[0] == "layers" else ""
    return layer, pieces[-2]
