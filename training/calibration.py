"""Static scales for 8-bit activations, measured on what passes through a model.

A scale clips where the squared error is lowest on a small grid; an input channel's error counts
as much as the weights amplify it.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.quantization import activation_scale, dequantize_activation, quantize_activation
from training.batches import Batch
from training.distributed import Processes, whole
from training.model import GEB, Linear
from training.rounding import Scales, observing

Array = NDArray[np.float32]

_CLIPPING = np.linspace(0.15, 1.0, 18)
_ROWS = 8
_SAMPLED_TOKENS = 1024


@torch.no_grad()
def calibrate(model: GEB, batch: Batch, processes: Processes) -> Scales:
    """Return the scales that fit some rows of a batch best: the mean over the processes.

    Padding is left out.
    """
    device, places = processes.device, model.places()
    # Few rows tell enough; the batch has its sources in order.
    chosen = torch.linspace(0, len(batch.input_ids) - 1, _ROWS).long().unique()
    input_ids, document_ids = batch.input_ids[chosen], batch.document_ids[chosen]
    with (
        observing({n: place for n, (place, _) in places.items()}) as seen,
        torch.compiler.set_stance("force_eager"),
    ):
        model(input_ids.to(device), document_ids.to(device), lambda h, _: h)
    counted = input_ids != model.config.pad_token_id
    scales = []
    for name, (x,) in seen.items():
        sample = _sample(x, counted)
        scales.append(choose_scale(sample, _importance(places[name][1], sample.shape[1])))
    total = processes.total(torch.tensor(scales, dtype=torch.float64))
    mean = (total / processes.count).float().tolist()
    return dict(zip(seen, mean, strict=True))


def _sample(x: Tensor, counted: Tensor) -> Array:
    """Return some tokens [tokens, channels] of [batch, length, channels], or of heads."""
    if x.dim() == 4:  # keys and values: [batch, groups, length, head_dim]
        x = x.transpose(1, 2).flatten(2)
    tokens = x[counted.to(x.device)].float()
    chosen: Array = tokens[:: max(1, len(tokens) // _SAMPLED_TOKENS)].cpu().numpy()
    return chosen


def _importance(consumers: list[Linear], channels: int) -> Array:
    """Return the squared norm of the weights that each channel meets; 1 where it meets none."""
    if not consumers:
        return np.ones(channels, np.float32)
    weights = [whole(linear.weight) for linear in consumers]
    squared: Array = torch.cat(weights).float().square().sum(dim=0).cpu().numpy()
    return squared


def choose_scale(x: Array, importance: Array) -> float:
    """Return the scale on the grid whose summed squared error over `x` [tokens, in] is lowest.

    `importance` [in] is the squared norm of the weights that each channel meets.
    """
    largest = float(np.abs(x).max())
    candidates = [activation_scale(largest * float(fraction)) for fraction in _CLIPPING]
    losses = [rounding_loss(x, round_trip(x, scale), importance).sum() for scale in candidates]
    return candidates[int(np.argmin(losses))]


def round_trip(x: Array, scale: float) -> Array:
    """Return `x` as it comes back from 8 bits."""
    return dequantize_activation(quantize_activation(x, scale), scale)


def rounding_loss(x: Array, rendered: Array, importance: Array) -> Array:
    """Return each token's squared error, weighted by channel."""
    loss: Array = np.square(x - rendered) @ importance
    return loss
