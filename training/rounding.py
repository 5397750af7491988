"""Training that sees int8: weights, activations and cache rounded as in the exported graph.

The arithmetic is engine/quantization.py's, in torch: int8 weights with one scale per output
channel, chosen anew with every forward pass; uint8 activations and int8 keys and values with one
static scale each, calibrated once and frozen. Gradients pass straight through (Bengio et al.
2013), except where a value is clipped. What a checkpoint's scales.json holds, export writes into
the graph.
"""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from engine.errors import ConfigError
from engine.quantization import PAIR_LIMIT, WEIGHT_LIMIT, WEIGHT_SCALES

Scales = dict[str, float]
"""The static scale of each place where a graph rounds, by the names of GEB.places."""

_SCALES_FILE = "scales.json"
_LOWEST, _HIGHEST = -128, 127
_SMALLEST = torch.finfo(torch.float32).tiny


def save_scales(folder: Path, scales: Scales) -> None:
    """Write scales into a checkpoint."""
    (folder / _SCALES_FILE).write_text(json.dumps(scales, indent=1), encoding="utf-8")


def load_scales(folder: Path) -> Scales | None:
    """Return a checkpoint's scales, None if it has none. Raises ConfigError if damaged."""
    path = folder / _SCALES_FILE
    if not path.exists():
        return None
    try:
        scales = {str(name): float(scale) for name, scale in json.loads(path.read_text()).items()}
        if not all(0 < scale < math.inf for scale in scales.values()):
            raise ValueError("a scale that is no positive number")
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ConfigError("{path} is damaged ({detail}).", path=path, detail=error) from error
    return scales


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

    def set(self, scale: float | None) -> None:
        """Round by `scale` from here on; None: not at all."""
        self.on = scale is not None
        self.scale.fill_(1.0 if scale is None else scale)


def rounded_weight(weight: Tensor) -> Tensor:
    """Return FP32 [out, in]: a weight as `quantize_weight` renders it, straight-through."""
    return weight + (_render(weight.detach()) - weight).detach()


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
