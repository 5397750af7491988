"""Scales: where they clip, and when one scale cannot serve a layer."""

import numpy as np

from engine.quantization import activation_scale, dequantize_activation, quantize_activation
from export.calibration import choose_activation_scale, choose_scale


def _error(x: np.ndarray, scale: float) -> float:
    rendered = dequantize_activation(quantize_activation(x, scale), scale)
    return float(np.square(x - rendered).sum())


def test_rare_outliers_are_clipped_and_common_values_are_not() -> None:
    generator = np.random.default_rng(0)
    even = generator.uniform(-1, 1, (64, 32)).astype(np.float32)
    ones = np.ones(32, np.float32)
    assert choose_scale(even, ones) == activation_scale(float(np.abs(even).max()))
    heavy = generator.standard_t(3, (2000, 32)).astype(np.float32)
    clipped = choose_scale(heavy, ones)
    widest = activation_scale(float(np.abs(heavy).max()))
    assert clipped < widest
    assert _error(heavy, clipped) < _error(heavy, widest)


def test_channels_that_the_weights_ignore_do_not_widen_the_scale() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (64, 8)).astype(np.float32)
    x[:, 0] *= 4
    importance = np.ones(8, np.float32)
    importance[0] = 1e-6
    assert choose_scale(x, importance) < 0.6 * choose_scale(x, np.ones(8, np.float32))


def test_tokens_of_very_different_size_are_scaled_at_run_time() -> None:
    x = np.random.default_rng(0).standard_normal((64, 32)).astype(np.float32)
    ones = np.ones(32, np.float32)
    assert choose_activation_scale(x, ones) is not None
    x[::8] *= 1000
    assert choose_activation_scale(x, ones) is None
