"""The int8 arithmetic: its bounds, and that onnxruntime computes the same."""

import numpy as np
import onnx_ir as ir
import onnxruntime as ort
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from engine.quantization import (
    INT4_BLOCK,
    activation_scale,
    dequantize_activation,
    dequantize_weight_int4,
    quantize_activation,
    quantize_weight,
    quantize_weight_int4,
)

_FINITE = st.floats(-1e4, 1e4, width=32)
_MATRICES = arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=_FINITE)
_VECTORS = arrays(np.float32, array_shapes(min_dims=1, max_dims=1, max_side=64), elements=_FINITE)


@given(_MATRICES)
def test_neighbouring_weights_fit_16_bits_together(weight: NDArray[np.float32]) -> None:
    quantized, scale = quantize_weight(weight)
    assert quantized.dtype == np.int8
    assert scale.dtype == np.float32
    whole = quantized.astype(int)
    assert np.abs(whole).max() <= 127
    pairs = whole[:, : whole.shape[1] // 2 * 2].reshape(len(whole), -1, 2)
    assert (np.abs(pairs.sum(axis=2)) <= 128).all()
    for activations in ((255, 255), (255, 0), (0, 255)):
        assert (np.abs((pairs * activations).sum(axis=2)) <= np.iinfo(np.int16).max).all()


@given(_MATRICES)
def test_weights_that_cannot_overflow_are_off_by_at_most_half_a_scale(
    weight: NDArray[np.float32],
) -> None:
    weight[:, 1::2] = 0  # every neighbour leaves all the room
    quantized, scale = quantize_weight(weight)
    error = np.abs(quantized * scale[:, None].astype(np.float64) - weight)
    assert (error <= 0.5001 * scale[:, None]).all() or np.abs(weight).max() < 1e-35


def test_room_for_neighbours_costs_less_than_half_a_bit() -> None:
    weight = np.random.default_rng(0).standard_normal((64, 2048)).astype(np.float32)
    quantized, scale = quantize_weight(weight)
    error = np.square(quantized * scale[:, None] - weight).mean()
    plain = np.abs(weight).max(axis=1, keepdims=True) / 127
    assert error < 2 * np.square(np.rint(weight / plain) * plain - weight).mean()


@given(_MATRICES, st.integers(-3, 3))
def test_weight_scales_follow_the_weights(weight: NDArray[np.float32], power: int) -> None:
    factor = np.float32(2.0**power)
    quantized, scale = quantize_weight(weight)
    again, scaled = quantize_weight(weight * factor)
    ordinary = np.abs(weight).max(axis=1) > 1e-30
    np.testing.assert_array_equal(quantized[ordinary], again[ordinary])
    np.testing.assert_array_equal(scale[ordinary] * factor, scaled[ordinary])


def test_rows_of_a_large_weight_do_not_depend_on_each_other() -> None:
    weight = np.random.default_rng(0).standard_normal((9000, 4), np.float32)
    quantized, scale = quantize_weight(weight)
    alone, alone_scale = quantize_weight(weight[5000:5001])
    np.testing.assert_array_equal(quantized[5000:5001], alone)
    np.testing.assert_array_equal(scale[5000:5001], alone_scale)


def test_weights_that_are_no_numbers_are_refused() -> None:
    for value in (np.nan, np.inf):
        with pytest.raises(ValueError, match="finite"):
            quantize_weight(np.array([[1.0, value]], np.float32))


@given(_VECTORS, st.floats(0.0009765625, 1e4, width=32))
def test_activation_error(x: NDArray[np.float32], largest: float) -> None:
    scale = activation_scale(largest)
    error = np.abs(dequantize_activation(quantize_activation(x, scale), scale) - x)
    inside = np.abs(x) <= largest
    assert (error[inside] <= 0.501 * scale + 1e-6 * largest).all()
    assert (error[~inside] <= np.abs(x[~inside]) - largest + scale).all()


@pytest.fixture(scope="module")
def quantize_linear() -> ort.InferenceSession:
    x = ir.Value(name="x", type=ir.TensorType(ir.DataType.FLOAT), shape=ir.Shape(["n"]))
    scale = ir.Value(name="scale", type=ir.TensorType(ir.DataType.FLOAT), shape=ir.Shape([]))
    tape = ir.tape.Tape()
    zero = tape.initializer(ir.tensor(np.array(128, np.uint8), name="zero"))
    y = tape.op("QuantizeLinear", [x, scale, zero])
    y.name, y.type, y.shape = "y", ir.TensorType(ir.DataType.UINT8), ir.Shape(["n"])
    graph = ir.Graph(
        [x, scale], [y], nodes=tape.nodes, initializers=[zero], opset_imports={"": 23}, name="g"
    )
    model = ir.serde.serialize_model(ir.Model(graph, ir_version=10)).SerializeToString()
    return ort.InferenceSession(model, providers=["CPUExecutionProvider"])


@given(x=_VECTORS, largest=st.floats(0.0009765625, 1e4, width=32))
def test_onnxruntime_rounds_activations_the_same_way(
    quantize_linear: ort.InferenceSession, x: NDArray[np.float32], largest: float
) -> None:
    scale = activation_scale(largest)
    (found,) = quantize_linear.run(None, {"x": x, "scale": np.array(scale, np.float32)})
    np.testing.assert_array_equal(found, quantize_activation(x, scale))


@given(_MATRICES)
def test_int4_weights_keep_their_order_of_magnitude(weight: NDArray[np.float32]) -> None:
    packed, scales = quantize_weight_int4(weight)
    found = dequantize_weight_int4(packed, scales, weight.shape[1])
    largest = np.abs(weight).max(axis=1, keepdims=True)
    ordinary = largest > 1e-30
    # Fifteen steps over twice the largest weight, half a step, and what clipping may cost.
    assert (np.abs(found - weight) <= 0.3 * largest + 1e-30).all()
    assert (np.abs(found) <= 1.1 * largest + 1e-30)[ordinary.ravel()].all()
    zeros = np.abs(weight).max(axis=1) == 0
    assert (found[zeros] == 0).all()


def test_a_searched_int4_scale_loses_less_than_the_fitting_one() -> None:
    weight = np.random.default_rng(0).standard_normal((64, 512)).astype(np.float32)
    packed, scales = quantize_weight_int4(weight)
    error = np.square(dequantize_weight_int4(packed, scales, 512) - weight).mean()
    blocks = weight.reshape(-1, INT4_BLOCK)
    fitting = np.abs(blocks).max(axis=1, keepdims=True) / 7
    plain = np.square(np.clip(np.rint(blocks / fitting), -7, 7) * fitting - blocks).mean()
    assert error < 0.8 * plain


@pytest.mark.parametrize("columns", [128, 300])
def test_onnxruntime_reads_int4_weights_as_we_do(columns: int) -> None:
    generator = np.random.default_rng(0)
    weight = generator.standard_normal((24, columns)).astype(np.float32)
    packed, scales = quantize_weight_int4(weight)
    tape = ir.tape.Tape()
    x = ir.Value(name="x", type=ir.TensorType(ir.DataType.FLOAT), shape=ir.Shape([5, columns]))
    constants = [
        tape.initializer(ir.tensor(packed, name="weight")),
        tape.initializer(ir.tensor(scales, name="scales")),
    ]
    attributes = {"K": columns, "N": 24, "bits": 4, "block_size": INT4_BLOCK}
    y = tape.op("MatMulNBits", [x, *constants], attributes, domain="com.microsoft")
    y.name, y.type, y.shape = "y", ir.TensorType(ir.DataType.FLOAT), ir.Shape([5, 24])
    graph = ir.Graph(
        [x],
        [y],
        nodes=tape.nodes,
        initializers=tape.initializers,
        opset_imports={"": 23, "com.microsoft": 1},
    )
    model = ir.to_proto(ir.Model(graph, ir_version=10)).SerializeToString()
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    inputs = generator.standard_normal((5, columns)).astype(np.float32)
    expected = inputs @ dequantize_weight_int4(packed, scales, columns).T
    np.testing.assert_allclose(session.run(None, {"x": inputs})[0], expected, atol=1e-3)
