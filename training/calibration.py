"""Static scales for 8-bit activations, measured on what passes through a model.

The inputs of most matrices get a scale for each channel, which moves their outliers into the
weights (training.smoothing). Two places have one scale: the attention's output, whose channels
come from values that several heads share, and the cache.
"""

import numpy as np
import torch
from torch import Tensor

from training.batches import Batch
from training.distributed import Processes, whole
from training.model import GEB, Linear
from training.rounding import Scales, observing
from training.scale_choice import Array, choose_scale
from training.smoothing import choose_factors, smallest_factor

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
    fitted = []
    for name, (x,) in seen.items():
        smallest = smallest_factor(name, model.config)
        fitted.append(_fit(name, _sample(x, counted), places[name][1], smallest))
    total = processes.total(torch.from_numpy(np.concatenate(fitted)))
    means = (total / processes.count).float().split([len(scales) for scales in fitted])
    return {
        name: mean.item() if len(mean) == 1 else mean.tolist()
        for name, mean in zip(seen, means, strict=True)
    }


def _fit(name: str, x: Array, consumers: list[Linear], smallest: float) -> Array:
    """Return the scale [1] of `x` [tokens, channels], or the channels' scales [channels]."""
    if not consumers:
        return np.array([choose_scale(x, np.ones(x.shape[1], np.float32))])
    weight: Array = torch.cat([whole(linear.weight) for linear in consumers]).float().cpu().numpy()
    if name.endswith(".o"):
        return np.array([choose_scale(x, np.square(weight).sum(axis=0))])
    factors = choose_factors(x, weight, smallest)
    return choose_scale(x / factors, np.square(weight * factors).sum(axis=0)) * factors


def _sample(x: Tensor, counted: Tensor) -> Array:
    """Return some tokens [tokens, channels] of [batch, length, channels], or of heads."""
    if x.dim() == 4:  # keys and values: [batch, groups, length, head_dim]
        x = x.transpose(1, 2).flatten(2)
    tokens = x[counted.to(x.device)].float()
    chosen: Array = tokens[:: max(1, len(tokens) // _SAMPLED_TOKENS)].cpu().numpy()
    return chosen
