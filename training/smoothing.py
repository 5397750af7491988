"""Outliers of activations, moved into the weights before both are rounded.

Dividing an input channel by a factor and multiplying the weights that meet it changes nothing
but how well each side rounds (SmoothQuant, Xiao et al. 2023).
"""

import numpy as np

from engine.config import ModelConfig
from engine.quantization import quantize_weight
from training.scale_choice import Array, choose_scale, round_trip

STRENGTHS = (0.0, 0.25, 0.5, 0.75)
"""How much of the outliers moves: nothing, up to three quarters of their logarithm."""
SMALLEST_FACTOR = 1e-3
_SMALLEST_TIED_FACTOR = 0.25
_SAMPLED_OUTPUTS = 512


def smallest_factor(name: str, config: ModelConfig) -> float:
    """Return what no factor of the linear layer `name` may fall below.

    A tied head's matrix is the embedding, too: where a factor is small, that is rounded coarsely.
    """
    tied = name == "lm_head" and config.tie_word_embeddings
    return _SMALLEST_TIED_FACTOR if tied else SMALLEST_FACTOR


def smoothing_factors(
    activations: Array, weights: Array, strength: float, smallest: float = SMALLEST_FACTOR
) -> Array:
    """Return the factor [channels] of each channel, their geometric mean 1 unless clipped.

    `activations` and `weights` [channels] are the largest magnitudes on either side; no factor
    is below `smallest`.
    """
    if strength == 0:
        return np.ones_like(activations)
    tiny = np.finfo(np.float32).tiny
    logarithms = strength * np.log(np.maximum(activations, tiny))
    logarithms -= (1 - strength) * np.log(np.maximum(weights, tiny))
    # A channel that is always zero, or meets zeros only, is left alone.
    idle = (activations <= tiny) | (weights <= tiny)
    if idle.all():
        return np.ones_like(activations)
    logarithms -= logarithms[~idle].mean()
    logarithms[idle] = 0
    factors = np.exp(logarithms).clip(smallest, 1 / SMALLEST_FACTOR)
    return factors.astype(np.float32)


def int8_error(x: Array, weight: Array, factors: Array) -> float:
    """Return the squared error of x · weightᵀ over its energy, both rounded after smoothing.

    `x` [tokens, in], `weight` [out, in], `factors` [in].
    """
    some = some_outputs(weight)
    inputs = x / factors
    inputs = round_trip(inputs, choose_scale(inputs, np.square(weight * factors).sum(axis=0)))
    integers, scales = quantize_weight(some * factors)
    rounded: Array = integers * scales[:, None]
    return relative_error(inputs @ rounded.T, x @ some.T)


def some_outputs(weight: Array) -> Array:
    """Return rows of `weight` that tell enough: to round all takes long."""
    return weight[:: max(1, len(weight) // _SAMPLED_OUTPUTS)]


def relative_error(rendered: Array, exact: Array) -> float:
    """Return the squared error over the energy of what it should be."""
    return float(np.square(rendered - exact).sum() / max(np.square(exact).sum(), 1e-30))


def choose_factors(x: Array, weight: Array, smallest: float = SMALLEST_FACTOR) -> Array:
    """Return the factors [in] with the lowest `int8_error`."""
    largest, largest_weights = np.abs(x).max(axis=0), np.abs(weight).max(axis=0)
    tried = [smoothing_factors(largest, largest_weights, s, smallest) for s in STRENGTHS]
    return min(tried, key=lambda factors: int8_error(x, weight, factors))
