"""Scales: where they clip, and when one scale cannot serve a layer."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.quantization import activation_scale, dequantize_activation, quantize_activation
from export.calibration import calibrate, choose_activation_scale
from export.decoder import DecoderConfig
from export.graph import linear_names
from export.reference import logits
from export.smoothing import SmoothedWeights
from export.weights import RandomWeights
from training.scale_choice import choose_scale
from training.smoothing import STRENGTHS, smoothing_factors


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


_CONFIG = DecoderConfig(
    vocab_size=96,
    hidden_size=64,
    intermediate_size=112,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=32,
    max_position_embeddings=128,
    qkv_bias=True,
)
_SEQUENCES = [np.random.default_rng(s).integers(0, 96, 60).tolist() for s in range(3)]


class _Outliers:
    """Random weights of which a few channels are far larger than the others."""

    def __init__(self) -> None:
        self._random = RandomWeights(_CONFIG)

    def __call__(self, name: str) -> np.ndarray:
        array = self._random(name).copy()
        if name.endswith("norm.weight"):
            array[[3, 17]] *= 60
        elif name.endswith(("v_proj.weight", "up_proj.weight")):
            array[[5, 40]] *= 60
        return array * 4 if array.ndim == 2 else array


def test_smoothing_changes_nothing_in_float_and_much_in_int8() -> None:
    weights = _Outliers()
    calibration = calibrate(_CONFIG, weights, _SEQUENCES, quantized_cache=True)
    smooth = SmoothedWeights(weights, _CONFIG, calibration.factors)
    for before, after in zip(
        logits(_CONFIG, weights, _SEQUENCES), logits(_CONFIG, smooth, _SEQUENCES), strict=True
    ):
        np.testing.assert_allclose(after, before, rtol=1e-3, atol=1e-3)
    assert set(calibration.report) == set(linear_names(_CONFIG))
    smoothed = [layer for layer in calibration.report.values() if layer.strength]
    assert len(smoothed) > len(calibration.report) / 2
    assert all(layer.error < 0.95 * layer.plain_error for layer in smoothed)
    assert np.mean([layer.plain_error / layer.error for layer in smoothed]) > 3
    assert "layers.0.o" in calibration.factors
    assert None not in calibration.quantization.activation_scales.values()


def test_even_channels_are_left_alone() -> None:
    random = RandomWeights(_CONFIG)
    calibration = calibrate(_CONFIG, random, _SEQUENCES, quantized_cache=False)
    assert not calibration.quantization.key_scales
    assert all(layer.strength == 0 for layer in calibration.report.values() if layer.error < 1e-5)


@given(
    channels=st.lists(st.tuples(*[st.floats(0, 1e6, width=32)] * 2), min_size=1, max_size=30),
    strength=st.sampled_from(STRENGTHS),
)
def test_factors_are_finite_and_balanced(
    channels: list[tuple[float, float]], strength: float
) -> None:
    activations, weights = np.array(channels, np.float32).T
    factors = smoothing_factors(activations, weights, strength)
    assert np.isfinite(factors).all()
    assert (factors > 0).all()
    assert (factors[(activations == 0) | (weights == 0)] == 1).all()


def test_tokens_of_very_different_size_are_scaled_at_run_time() -> None:
    x = np.random.default_rng(0).standard_normal((64, 32)).astype(np.float32)
    ones = np.ones(32, np.float32)
    assert choose_activation_scale(x, ones) is not None
    x[::8] *= 1000
    assert choose_activation_scale(x, ones) is None
