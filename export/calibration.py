"""How a checkpoint is rounded, measured on sample text.

For each linear layer: how much of its input's outliers moves into the weights, and, for an
int8 layer, the static scale of the input, both where the layer's output suffers least. A scale
clips where the squared error is lowest on a small grid; an input channel's error counts as much
as the weights amplify it. A layer whose inputs differ too much from token to token for one
scale is left to be scaled at run time.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.errors import ConfigError
from engine.quantization import (
    dequantize_weight_int4,
    quantize_weight,
    quantize_weight_int4,
)
from export.decoder import Attention, Block, DecoderConfig, rotary_tables
from export.graph import Quantization, linear_names
from export.reference import head_weight, hidden_states
from export.smoothing import STRENGTHS, over_groups, smoothing_factors, to_queries
from export.weights import Weights
from training.calibration import choose_scale, round_trip, rounding_loss
from training.rounding import Scales

# A static scale is given up where, averaged over tokens, it loses more than a tenth of the
# energy, and more than four times what a scale of the token's own would lose. Below that,
# bits per byte do not move.
_TOLERATED_LOSS = 0.1
_TOLERATED_RATIO = 4.0

Array = NDArray[np.float32]
_SAMPLED_TOKENS = 256
_SAMPLED_OUTPUTS = 512
_WORTHWHILE = 0.95  # smoothing is taken where it leaves less than this share of the error


@dataclass(frozen=True)
class _Trial:
    strength: float
    factors: Array
    error: float


@dataclass(frozen=True)
class LayerReport:
    """What rounding does to one linear layer."""

    strength: float
    """Of the smoothing, 0 to 1."""
    error: float
    """Squared error of the layer's output over its energy."""
    plain_error: float
    """The same without smoothing."""


@dataclass(frozen=True)
class Calibration:
    """Scales, the factors of the smoothing that they presume, and a report, by linear layer."""

    quantization: Quantization
    factors: dict[str, Array]
    report: dict[str, LayerReport]


def calibrate(
    config: DecoderConfig,
    weights: Weights,
    sequences: Sequence[Sequence[int]],
    *,
    quantized_cache: bool,
    int4_layers: bool = False,
) -> Calibration:
    """Return what fits the activations of `sequences` (token ids) best."""
    observer = _Observer(config, max(map(len, sequences)), int4_layers=int4_layers)
    states = hidden_states(config, weights, sequences, observer.watch)
    head = head_weight(config, weights).numpy()
    # A tied matrix is the embedding, too, which must stay.
    strengths = (0.0,) if config.tie_word_embeddings else STRENGTHS
    observer.plan("lm_head", torch.cat(states).numpy(), head, strengths)
    keys, values = (observer.key_scales, observer.value_scales) if quantized_cache else ([], [])
    quantization = Quantization(observer.scales, keys, values, int4_layers)
    return Calibration(quantization, observer.factors, observer.report)


def as_trained(config: DecoderConfig, scales: Scales) -> Calibration:
    """Return the rounding that a checkpoint was trained with: its scales, and no smoothing.

    Raises ConfigError if they are those of another shape.
    """
    layers, linear = range(config.num_hidden_layers), linear_names(config)
    caches = [[f"layers.{layer}.{part}" for layer in layers] for part in ("keys", "values")]
    if set(scales) != {*linear, *caches[0], *caches[1]}:
        raise ConfigError("The checkpoint's scales are those of a model of another shape.")
    keys, values = ([scales[name] for name in names] for names in caches)
    return Calibration(Quantization({name: scales[name] for name in linear}, keys, values), {}, {})


def choose_activation_scale(x: Array, importance: Array) -> float | None:
    """Return the static scale of inputs `x` [tokens, in], or None where none serves them.

    `importance` [in] is the squared norm of the weights that each channel meets.
    """
    scale = choose_scale(x, importance)
    energy: Array = np.square(x) @ importance
    # An unusually faint token adds little to the hidden state, however it is rounded.
    energy = energy.clip(min=max(float(np.median(energy)), float(np.finfo(np.float32).tiny)))
    static = np.mean(rounding_loss(x, round_trip(x, scale), importance) / energy)
    if static <= _TOLERATED_LOSS:
        return scale
    dynamic = np.mean(rounding_loss(x, _dynamic_round_trip(x), importance) / energy)
    return None if static > _TOLERATED_RATIO * dynamic else scale


class _Observer:
    """Plans each layer while a reference run passes through it."""

    def __init__(self, config: DecoderConfig, length: int, *, int4_layers: bool) -> None:
        self.config, self.int4_layers = config, int4_layers
        self.cos, self.sin = rotary_tables(config, length)
        self.scales: dict[str, float | None] = {}
        self.factors: dict[str, Array] = {}
        self.report: dict[str, LayerReport] = {}
        self.key_scales: list[float] = []
        self.value_scales: list[float] = []

    def plan(
        self, name: str, x: Array, weight: Array, strengths: Sequence[float] = STRENGTHS
    ) -> Array:
        """Choose for the layer `weight` [out, in] with inputs `x` [tokens, in].

        Returns the factors of the input channels.
        """
        sample = x[:: max(1, len(x) // _SAMPLED_TOKENS)]
        exact = sample @ weight.T
        tried = [self._try(name, x, sample, weight, exact, strength) for strength in strengths]
        plain = tried[0]
        best = min(tried, key=lambda one: one.error)
        if best.error > _WORTHWHILE * plain.error:
            best = plain
        factors = self._spread(name, best.factors)
        if best is not plain:
            self.factors[name] = best.factors
        if not self._is_int4(name):
            importance = np.square(weight * factors).sum(axis=0)
            self.scales[name] = choose_activation_scale(x / factors, importance)
        self.report[name] = LayerReport(best.strength, best.error, plain.error)
        return factors

    def _try(
        self, name: str, x: Array, sample: Array, weight: Array, exact: Array, strength: float
    ) -> _Trial:
        largest, largest_weights = np.abs(x).max(axis=0), np.abs(weight).max(axis=0)
        if name.endswith(".o"):
            largest = over_groups(largest, self.config)
            largest_weights = over_groups(largest_weights, self.config)
        factors = smoothing_factors(largest, largest_weights, strength)
        spread = self._spread(name, factors)
        smooth = weight * spread
        inputs = sample / spread
        # Some of the outputs tell enough, and rounding all takes long.
        chosen = slice(None, None, max(1, len(weight) // _SAMPLED_OUTPUTS))
        if self._is_int4(name):
            packed, scales = quantize_weight_int4(smooth[chosen])
            rounded = dequantize_weight_int4(packed, scales, weight.shape[1])
        else:
            inputs = round_trip(inputs, choose_scale(inputs, np.square(smooth).sum(axis=0)))
            integers, scales = quantize_weight(smooth[chosen])
            rounded = integers * scales[:, None]
        rendered, exact = inputs @ rounded.T, exact[:, chosen]
        error = float(np.square(rendered - exact).sum() / max(np.square(exact).sum(), 1e-30))
        return _Trial(strength, factors, error)

    def _is_int4(self, name: str) -> bool:
        return self.int4_layers and name != "lm_head"

    def _spread(self, name: str, factors: Array) -> Array:
        return to_queries(factors, self.config) if name.endswith(".o") else factors

    @contextmanager
    def watch(self, layer: int, block: Block) -> Iterator[None]:
        attention, mlp = block.self_attn, block.mlp
        consumers: dict[str, list[nn.Linear]] = {
            "qkv": [attention.q_proj, attention.k_proj, attention.v_proj],
            "o": [attention.o_proj],
            "gate_up": [mlp.gate_proj, mlp.up_proj],
            "down": [mlp.down_proj],
        }
        inputs: dict[str, list[Tensor]] = {part: [] for part in consumers}
        keys: list[Tensor] = []
        values: list[Tensor] = []

        def note_input(part: str) -> Any:
            return lambda _, arguments: inputs[part].append(arguments[0][0])

        hooks = [
            modules[0].register_forward_pre_hook(note_input(part))
            for part, modules in consumers.items()
        ]
        hooks += [
            attention.k_proj.register_forward_hook(
                lambda *a: keys.append(self._cached(attention, a[2]))
            ),
            attention.v_proj.register_forward_hook(lambda *a: values.append(a[2][0])),
        ]
        yield
        for hook in hooks:
            hook.remove()
        for part, modules in consumers.items():
            weight = torch.cat([module.weight for module in modules]).numpy()
            self.plan(f"layers.{layer}.{part}", torch.cat(inputs.pop(part)).numpy(), weight)
        self.key_scales.append(_cache_scale(torch.cat(keys).numpy()))
        smooth: Array = torch.cat(values).numpy()
        if (factors := self.factors.get(f"layers.{layer}.o")) is not None:
            smooth = smooth / factors
        self.value_scales.append(_cache_scale(smooth))

    def _cached(self, attention: Attention, projected: Tensor) -> Tensor:
        """Return projected keys [1, length, heads · head_dim] as the cache will hold them."""
        length = projected.shape[1]
        keys = attention.cached_keys(projected, self.cos[:length], self.sin[:length])
        return keys.transpose(1, 2).reshape(length, -1)


def _cache_scale(x: Array) -> float:
    return choose_scale(x, np.ones(x.shape[1], np.float32))


def _dynamic_round_trip(x: Array) -> Array:
    """Return `x` as DynamicQuantizeLinear would render one token at a time."""
    low = np.minimum(x.min(axis=1, keepdims=True), 0)
    high = np.maximum(x.max(axis=1, keepdims=True), 0)
    scale = np.maximum((high - low) / 255, np.finfo(np.float32).tiny)
    zero = np.rint(-low / scale)
    rendered: Array = (np.clip(np.rint(x / scale) + zero, 0, 255) - zero) * scale
    return rendered
