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
from torch import Tensor, nn

from engine.quantization import dequantize_weight_int4, quantize_weight_int4
from export.decoder import Attention, Block, DecoderConfig, rotary_tables
from export.graph import Quantization, linear_names
from export.reference import head_weight, hidden_states
from export.smoothing import over_groups, to_queries
from export.weights import Weights
from training.rounding import Scales, check_scales
from training.scale_choice import Array, choose_scale, round_trip, rounding_loss
from training.smoothing import (
    STRENGTHS,
    int8_error,
    relative_error,
    smallest_factor,
    smoothing_factors,
    some_outputs,
)

# A static scale is given up where, averaged over tokens, it loses more than a tenth of the
# energy, and more than four times what a scale of the token's own would lose. Below that,
# bits per byte do not move.
_TOLERATED_LOSS = 0.1
_TOLERATED_RATIO = 4.0

_SAMPLED_TOKENS = 256
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
    observer.plan("lm_head", torch.cat(states).numpy(), head)
    keys, values = (observer.key_scales, observer.value_scales) if quantized_cache else ([], [])
    table = observer.factors.get("lm_head") if config.tie_word_embeddings else None
    quantization = Quantization(observer.scales, keys, values, int4_layers, table)
    return Calibration(quantization, observer.factors, observer.report)


def as_trained(config: DecoderConfig, scales: Scales) -> Calibration:
    """Return the rounding that a checkpoint was trained with, smoothing included.

    Raises ConfigError if they are those of another shape.
    """
    check_scales(scales, config)
    by_channel = {n: np.array(found) for n, found in scales.items() if isinstance(found, list)}
    single = {name: float(np.exp(np.log(found).mean())) for name, found in by_channel.items()}
    single |= {name: found for name, found in scales.items() if not isinstance(found, list)}
    factors = {n: (x / single[n]).astype(np.float32) for n, x in by_channel.items()}
    layers = range(config.num_hidden_layers)
    keys, values = ([single[f"layers.{n}.{part}"] for n in layers] for part in ("keys", "values"))
    table = factors.get("lm_head") if config.tie_word_embeddings else None
    inputs: dict[str, float | None] = {name: single[name] for name in linear_names(config)}
    return Calibration(Quantization(inputs, keys, values, table_factors=table), factors, {})


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

    def plan(self, name: str, x: Array, weight: Array) -> Array:
        """Choose for the layer `weight` [out, in] with inputs `x` [tokens, in].

        Returns the factors of the input channels.
        """
        sample = x[:: max(1, len(x) // _SAMPLED_TOKENS)]
        tried = [self._try(name, x, sample, weight, strength) for strength in STRENGTHS]
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

    def _try(self, name: str, x: Array, sample: Array, weight: Array, strength: float) -> _Trial:
        largest, largest_weights = np.abs(x).max(axis=0), np.abs(weight).max(axis=0)
        if name.endswith(".o"):
            largest = over_groups(largest, self.config)
            largest_weights = over_groups(largest_weights, self.config)
        smallest = smallest_factor(name, self.config)
        factors = smoothing_factors(largest, largest_weights, strength, smallest)
        spread = self._spread(name, factors)
        error = _int4_error if self._is_int4(name) else int8_error
        return _Trial(strength, factors, error(sample, weight, spread))

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


def _int4_error(x: Array, weight: Array, factors: Array) -> float:
    """Return what `int8_error` does, for an int4 matrix whose input stays as it is."""
    some = some_outputs(weight)
    packed, scales = quantize_weight_int4(some * factors)
    inputs: Array = x / factors
    rounded = dequantize_weight_int4(packed, scales, weight.shape[1])
    return relative_error(inputs @ rounded.T, x @ some.T)


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
