"""The static scale that fits 8-bit activations best.

It clips where the squared error is lowest on a small grid; an input channel's error counts as
much as the weights amplify it.
"""

import numpy as np
from numpy.typing import NDArray

from engine.quantization import activation_scale, dequantize_activation, quantize_activation

Array = NDArray[np.float32]

_CLIPPING = np.linspace(0.15, 1.0, 18)


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
