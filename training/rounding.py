"""Training that sees int8: weights, activations and cache rounded as in the exported graph.

The arithmetic is engine/quantization.py's, in torch: int8 weights with one scale per output
channel, chosen anew with every forward pass; uint8 activations and int8 keys and values with
static scales, calibrated once and frozen. Where a scale differs from channel to channel, the
weights that meet the channel are rounded multiplied with it: export folds it into what makes the
channel. Gradients pass straight through (Bengio et al. 2013), except where a value is clipped.
What a checkpoint's scales.json holds, export writes into the graph.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.config import ModelConfig
from engine.errors import ConfigError
from engine.quantization import PAIR_LIMIT, WEIGHT_LIMIT, WEIGHT_SCALES

Scales = dict[str, float | list[float]]
"""The static scale of each place where a graph rounds, or of each channel there, by the names of
GEB.places."""

_SCALES_FILE = "scales.json"
_LOWEST, _HIGHEST = -128, 127
_SMALLEST = torch.finfo(torch.float32).tiny


def save_scales(folder: Path, scales: Scales) -> None:
    """Write scales into a checkpoint."""
    (folder / _SCALES_FILE).write_text(json.dumps(scales), encoding="utf-8")


def load_scales(folder: Path) -> Scales | None:
    """Return a checkpoint's scales, None if it has none. Raises ConfigError if damaged."""
    path = folder / _SCALES_FILE
    if not path.exists():
        return None
    try:
        scales = {
            str(name): _positive(found) for name, found in json.loads(path.read_text()).items()
        }
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ConfigError("{path} is damaged ({detail}).", path=path, detail=error) from error
    return scales


def _positive(found: Any) -> float | list[float]:
    """Return a scale, or those of channels. Raises ValueError if one is not above 0."""
    scales = np.array(found, np.float64)
    if scales.ndim > 1 or not ((scales > 0) & np.isfinite(scales)).all():
        raise ValueError("a scale that is no positive number")
    positive: float | list[float] = scales.tolist()
    return positive


def check_scales(scales: Scales, config: ModelConfig) -> None:
    """Raise ConfigError if these are another model's."""
    inputs = {"qkv": config.hidden_size, "gate_up": config.hidden_size}
    inputs |= {"down": config.intermediate_size, "o": 1, "keys": 1, "values": 1}
    layers = range(config.num_hidden_layers)
    channels = {f"layers.{n}.{place}": count for n in layers for place, count in inputs.items()}
    channels["lm_head"] = config.hidden_size
    found = {name: len(scale) if isinstance(scale, list) else 1 for name, scale in scales.items()}
    alike = found.keys() == channels.keys()
    if not alike or any(count not in (1, channels[name]) for name, count in found.items()):
        raise ConfigError("The checkpoint's scales are those of a model of another shape.")


class Rounding(nn.Module):
    """A place where the graph rounds to 8 bits; it passes all through until it has a scale."""

    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.ones(()), persistent=False)
        self.on = False
        self.seen: list[Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.seen is not None:
            self.seen.append(x.detach())
        if not self.on:
            return x
        wide = x.float().clamp(_LOWEST * self.scale, _HIGHEST * self.scale)
        rounded = torch.round(wide / self.scale) * self.scale
        return (wide + (rounded - wide).detach()).to(x.dtype)

    def set(self, scale: float | list[float] | None) -> None:
        """Round by `scale`, or channel by channel, from here on; None: not at all."""
        self.on = scale is not None
        self.scale = torch.tensor(1.0 if scale is None else scale, device=self.scale.device)

    def by_channel(self) -> Tensor | None:
        """Return the channels' scales [channels], None where there is but one."""
        return self.scale if self.on and self.scale.dim() == 1 else None


def rounded_weight(weight: Tensor, channel_scales: Tensor | None = None) -> Tensor:
    """Return FP32 [out, in]: a weight as `quantize_weight` renders it, straight-through.

    It is rendered multiplied with its inputs' `channel_scales` [in], and divided again.
    """
    if channel_scales is None:
        rendered = _render(weight.detach())
    else:
        rendered = _render(weight.detach() * channel_scales) / channel_scales
    return weight + (rendered - weight).detach()


@torch.no_grad()
def _render(weight: Tensor) -> Tensor:
    weight = weight.float()
    fitting = weight.abs().amax(dim=1) / WEIGHT_LIMIT
    fitting = torch.where(fitting < _SMALLEST, 1.0, fitting)
    best = torch.zeros_like(weight)
    lowest = torch.full_like(fitting, torch.inf)
    for fraction in WEIGHT_SCALES.tolist():
        scale = (fitting * fraction)[:, None]
        rendered = _int8(weight / scale) * scale
        loss = (rendered - weight).square().sum(dim=1)
        best = torch.where((loss < lowest)[:, None], rendered, best)
        lowest = torch.minimum(loss, lowest)
    return best


def _int8(units: Tensor) -> Tensor:
    """Return [out, in] rounded so that neighbours fit 16 bits together."""
    rounded = units.round().clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT)
    pairs = rounded.shape[1] // 2
    even, odd = rounded[:, : 2 * pairs : 2], rounded[:, 1 : 2 * pairs : 2]
    too_much = ((even + odd).abs() - PAIR_LIMIT).clamp(min=0)
    half, sign = (too_much / 2).ceil(), even.sign()
    given = torch.stack((sign * half, sign * (too_much - half)), dim=-1).flatten(1)
    rounded[:, : 2 * pairs] -= given
    return rounded


@contextmanager
def observing(places: Mapping[str, Rounding]) -> Iterator[dict[str, list[Tensor]]]:
    """Collect what passes through some places, [..., channels], while unrounded."""
    seen: dict[str, list[Tensor]] = {name: [] for name in places}
    for name, place in places.items():
        place.seen = seen[name]
    try:
        yield seen
    finally:
        for place in places.values():
            place.seen = None
