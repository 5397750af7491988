"""The int8 arithmetic that export writes into graphs and training imitates, in numpy.

Weights: symmetric, one scale per output channel. Activations: one static scale per tensor,
stored as uint8 around zero point 128, as ONNX's QuantizeLinear defines it.
"""

import numpy as np
from numpy.typing import NDArray

ZERO_POINT = 128
"""The uint8 that stands for 0.0 in an activation."""

_WEIGHT_LIMIT = 127  # -128 is left out, so that the range is symmetric
_ACTIVATION_LIMIT = 127.0
_ROWS_AT_ONCE = 4096  # bounds the temporaries of a large embedding


def quantize_weight(weight: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return int8 [out, in] in [-127, 127] and float32 scales [out] of a weight [out, in].

    weight ≈ int8 · scale[:, None]; the error is at most half a scale. Raises ValueError where
    a weight is not finite.
    """
    quantized = np.empty(weight.shape, np.int8)
    scales = np.empty(len(weight), np.float32)
    for start in range(0, len(weight), _ROWS_AT_ONCE):
        rows = weight[start : start + _ROWS_AT_ONCE]
        scale = weight_scale(rows)
        scaled = rows / scale[:, None]
        np.rint(scaled, out=scaled)
        np.clip(scaled, -_WEIGHT_LIMIT, _WEIGHT_LIMIT, out=scaled)
        quantized[start : start + _ROWS_AT_ONCE] = scaled
        scales[start : start + _ROWS_AT_ONCE] = scale
    return quantized, scales


def weight_scale(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the float32 scale [out] of each row of a weight [out, in]; 1 for a row of zeros.

    Raises ValueError where a weight is not finite.
    """
    largest = np.maximum(weight.max(axis=1), -weight.min(axis=1)).astype(np.float32)
    if not np.isfinite(largest).all():
        raise ValueError("weights must be finite")
    scale = largest / np.float32(_WEIGHT_LIMIT)
    # A row whose scale would underflow is as good as zero.
    return np.where(scale < np.finfo(np.float32).tiny, np.float32(1), scale)


def activation_scale(largest: float) -> float:
    """Return the scale at which [-largest, largest] just fits; 1 where `largest` is 0.

    Raises ValueError where `largest` is negative or not finite.
    """
    if not np.isfinite(largest) or largest < 0:
        raise ValueError("the largest activation must be a finite number that is not negative")
    scale = float(np.float32(largest) / np.float32(_ACTIVATION_LIMIT))
    return scale if scale >= np.finfo(np.float32).tiny else 1.0


def quantize_activation(x: NDArray[np.float32], scale: float) -> NDArray[np.uint8]:
    """Return uint8 of any shape: round half to even, shift by 128, saturate at 0 and 255."""
    shifted = np.rint(x / np.float32(scale))
    shifted += ZERO_POINT
    quantized: NDArray[np.uint8] = np.clip(shifted, 0, 255, out=shifted).astype(np.uint8)
    return quantized


def dequantize_activation(quantized: NDArray[np.uint8], scale: float) -> NDArray[np.float32]:
    """Return float32 of the same shape: (quantized - 128) · scale."""
    return (quantized.astype(np.float32) - ZERO_POINT) * np.float32(scale)
