"""The arithmetic that export writes into graphs and training imitates, in numpy.

int8 weights: symmetric, one scale per output channel, neighbours that cannot overflow. int4
weights: one scale per 128 inputs of an output channel, as onnxruntime's MatMulNBits stores
them. Activations: one static scale per tensor, stored as uint8 around zero point 128, as
ONNX's QuantizeLinear defines it.
"""

import numpy as np
from numpy.typing import NDArray

ZERO_POINT = 128
"""The uint8 that stands for 0.0 in an activation."""

WEIGHT_LIMIT = 127  # -128 is left out, so that the range is symmetric
_ACTIVATION_LIMIT = 127.0
PAIR_LIMIT = 128  # of two neighbours: 255 · 128 fits 16 bits, 255 · 129 does not
WEIGHT_SCALES = np.array([1, 1.1, 1.2, 1.3, 1.4, 1.55], np.float32)
"""Of the scale at which a row's largest weight just fits; wider ones leave pairs more room."""

_WEIGHTS_AT_ONCE = 1 << 17  # what stays in a processor's cache is rounded fastest

EXACT_PRODUCTS = "int8_products_fit_16_bits"
"""The metadata of a graph whose int8 weights came from `quantize_weight`."""

INT4_BLOCK = 128
"""Inputs that share a scale in an int4 weight."""

_INT4_ZERO = 8
_INT4_LIMITS = 0, 15
# Of the scale at which a block's largest weight just fits; the best is below it for most.
_INT4_CLIPPING = np.linspace(0.75, 1.05, 13, dtype=np.float32)


def quantize_weight(weight: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return int8 [out, in] in [-127, 127] and float32 scales [out] of a weight [out, in].

    weight ≈ int8 · scale[:, None]. Of each row's scales on a small grid the one with the lowest
    squared error is taken. Inputs 2i and 2i + 1 of a row add up to at most 128: x86 processors
    without VNNI add the two products in 16 bits, where 255 · 128 just fits, so that every
    processor computes the same. Raises ValueError where a weight is not finite.
    """
    quantized = np.empty(weight.shape, np.int8)
    scales = np.empty(len(weight), np.float32)
    step = max(1, _WEIGHTS_AT_ONCE // weight.shape[1])
    for start in range(0, len(weight), step):
        rows = weight[start : start + step]
        fitting = weight_scale(rows)
        best, lowest = fitting, np.full(len(rows), np.inf, np.float32)
        for fraction in WEIGHT_SCALES:
            scale = fitting * fraction
            error = _int8(rows, scale) * scale[:, None] - rows
            loss = np.einsum("oi,oi->o", error, error)
            best = np.where(loss < lowest, scale, best)
            lowest = np.minimum(loss, lowest)
        quantized[start : start + step] = _int8(rows, best)
        scales[start : start + step] = best
    return quantized, scales


def _int8(rows: NDArray[np.float32], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return `rows` [out, in] in units of `scale` [out], rounded so that pairs fit."""
    rounded: NDArray[np.float32] = np.rint(rows / scale[:, None])
    np.clip(rounded, -WEIGHT_LIMIT, WEIGHT_LIMIT, out=rounded)
    odd = rounded[:, 1::2]
    even = rounded[:, ::2][:, : odd.shape[1]]
    excess = np.abs(even + odd) - PAIR_LIMIT
    place = np.nonzero(excess > 0)
    # Both have the same sign; each gives up half of what is too much.
    too_much, sign = excess[place], np.sign(even[place])
    half = np.ceil(too_much / 2)
    even[place] -= sign * half
    odd[place] -= sign * (too_much - half)
    return rounded


def weight_scale(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the float32 scale [out] of each row of a weight [out, in]; 1 for a row of zeros.

    Raises ValueError where a weight is not finite.
    """
    largest = np.maximum(weight.max(axis=1), -weight.min(axis=1)).astype(np.float32)
    if not np.isfinite(largest).all():
        raise ValueError("weights must be finite")
    scale = largest / np.float32(WEIGHT_LIMIT)
    # A row whose scale would underflow is as good as zero.
    return np.where(scale < np.finfo(np.float32).tiny, np.float32(1), scale)


def quantize_weight_int4(
    weight: NDArray[np.float32],
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return a weight [out, in] as uint8 [out, blocks, 64] and float32 scales [out, blocks].

    Each byte holds two weights, the first in its low half; weight ≈ (stored - 8) · scale.
    The last block is filled up with zeros. Of each block's scales on a small grid the one
    with the lowest squared error is taken. Raises ValueError where a weight is not finite.
    """
    rows, columns = weight.shape
    blocks = -(-columns // INT4_BLOCK)
    packed = np.empty((rows, blocks, INT4_BLOCK // 2), np.uint8)
    scales = np.empty((rows, blocks), np.float32)
    step = max(1, _WEIGHTS_AT_ONCE // columns)
    for start in range(0, rows, step):
        part = weight[start : start + step]
        padded = np.zeros((len(part), blocks * INT4_BLOCK), np.float32)
        padded[:, :columns] = part
        by_block = padded.reshape(-1, INT4_BLOCK)
        scale = _int4_scale(by_block)
        stored = _int4(by_block, scale).astype(np.uint8)
        pairs = stored[:, ::2] | (stored[:, 1::2] << 4)
        packed[start : start + step] = pairs.reshape(len(part), blocks, -1)
        scales[start : start + step] = scale.reshape(len(part), blocks)
    return packed, scales


def dequantize_weight_int4(
    packed: NDArray[np.uint8], scales: NDArray[np.float32], columns: int
) -> NDArray[np.float32]:
    """Return float32 [out, columns] of what `quantize_weight_int4` returned."""
    stored = np.stack((packed & 15, packed >> 4), axis=-1).reshape(*scales.shape, INT4_BLOCK)
    weights = (stored.astype(np.float32) - _INT4_ZERO) * scales[..., None]
    return weights.reshape(len(packed), -1)[:, :columns]


def _int4_scale(blocks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the scale [blocks] of each row; the largest weight's sign takes the longer side."""
    largest = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=1)[:, None], axis=1)[:, 0]
    if not np.isfinite(largest).all():
        raise ValueError("weights must be finite")
    fitting = largest / np.float32(-_INT4_ZERO)
    # A block whose scale would underflow is as good as zero.
    fitting = np.where(np.abs(fitting) < np.finfo(np.float32).tiny, np.float32(1), fitting)
    best, lowest = fitting, np.full(len(blocks), np.inf, np.float32)
    for fraction in _INT4_CLIPPING:
        scale = fitting * fraction
        error = (_int4(blocks, scale) - _INT4_ZERO) * scale[:, None] - blocks
        loss = np.einsum("bi,bi->b", error, error)
        best = np.where(loss < lowest, scale, best)
        lowest = np.minimum(loss, lowest)
    return best


def _int4(blocks: NDArray[np.float32], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    stored = np.rint(blocks / scale[:, None])
    stored += _INT4_ZERO
    clipped: NDArray[np.float32] = np.clip(stored, *_INT4_LIMITS, out=stored)
    return clipped


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
