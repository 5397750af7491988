"""The graphs: what they compute, what they store, and how they are written."""

import weakref
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
import torch
from numpy.typing import NDArray

from engine.config import ModelConfig
from export.bundle import write_graph
from export.calibration import calibrate
from export.checkpoint import Checkpoint, open_checkpoint
from export.decoder import DecoderConfig, as_decoder
from export.graph import Quantization, build_graph, linear_names
from export.reference import head_weight, hidden_states, logits
from export.smoothing import SmoothedWeights
from export.weights import RandomWeights, weight_shapes
from training.scale_choice import choose_scale

TEXT = "今天的天气很好。The weather is fine, and the children play in the park. " * 3


@pytest.fixture(scope="module")
def opened(checkpoint: Path) -> Checkpoint:
    return open_checkpoint(checkpoint)


@pytest.fixture(scope="module")
def token_ids(opened: Checkpoint) -> list[int]:
    return opened.chat.tokenizer.encode(TEXT)[:100]


def test_reference_is_the_training_model(
    checkpoint: Path, opened: Checkpoint, token_ids: list[int]
) -> None:
    from training.checkpoint import load_model

    model, _ = load_model(checkpoint)
    with torch.no_grad():
        expected = model(torch.tensor([token_ids]))[0]
    (found,) = logits(opened.config, opened.weights, [token_ids])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_float_graph_equals_torch_over_cached_steps(
    runner: type, float_graph: Path, opened: Checkpoint, token_ids: list[int]
) -> None:
    run = runner(float_graph, opened.config)
    tokens = token_ids[:20]
    rows = [run(tokens, 1)[0]]
    for _ in range(64):
        tokens.append(int(rows[-1].argmax()))
        rows.append(run(tokens[-1:], 1)[0])
    (reference,) = logits(opened.config, opened.weights, [tokens])
    expected = reference[19:].numpy()
    np.testing.assert_array_equal(np.argmax(rows, axis=1), expected.argmax(axis=1))
    np.testing.assert_allclose(rows, expected, atol=1e-4)


def test_int8_graph_stays_close_to_torch(
    runner: type, bundle, opened: Checkpoint, token_ids: list[int]
) -> None:
    found = runner(bundle.path / "model.onnx", opened.config)(token_ids, len(token_ids))
    (reference,) = logits(opened.config, opened.weights, [token_ids])
    expected = reference.numpy()
    assert np.sqrt(np.mean((found - expected) ** 2)) < 0.05 * expected.std()
    assert np.mean(found.argmax(1) == expected.argmax(1)) > 0.9


@pytest.mark.parametrize("cuts", [list(range(1, 100)), [1, 17, 18, 64], [50]])
def test_int8_graph_does_not_depend_on_chunks(
    runner: type, bundle, opened: Checkpoint, token_ids: list[int], cuts: list[int]
) -> None:
    whole = runner(bundle.path / "model.onnx", opened.config)
    expected = whole(token_ids, len(token_ids))
    chunked = runner(bundle.path / "model.onnx", opened.config)
    bounds = [0, *cuts, len(token_ids)]
    found = [chunked(token_ids[start:end], end - start) for start, end in pairwise(bounds)]
    np.testing.assert_array_equal(np.concatenate(found), expected)
    for name, value in whole.cache.items():
        np.testing.assert_array_equal(chunked.cache[name].numpy(), value.numpy())


@pytest.mark.parametrize("keep", [1, 7, 100])
def test_num_logits_to_keep_takes_the_last_positions(
    runner: type, bundle, opened: Checkpoint, token_ids: list[int], keep: int
) -> None:
    path = bundle.path / "model.onnx"
    every = runner(path, opened.config)(token_ids, len(token_ids))
    found = runner(path, opened.config)(token_ids, keep)
    np.testing.assert_array_equal(found, every[-keep:])


def test_tied_embedding_is_stored_once(bundle, opened: Checkpoint) -> None:
    config = opened.config
    model = ir.load(bundle.path / "model.onnx")
    shape = [config.vocab_size, config.hidden_size]
    stored = [
        value.name
        for value in model.graph.initializers.values()
        if value.const_value and sorted(value.const_value.shape.numpy()) == sorted(shape)
    ]
    assert stored == ["model.embed_tokens.weight"]
    matrices = sum(np.prod(s) for s in weight_shapes(config).values() if len(s) == 2)
    size = (bundle.path / "model.onnx.data").stat().st_size
    tables = 2 * 4 * config.max_position_embeddings * config.head_dim // 2
    assert matrices + tables < size < 1.1 * matrices + tables


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("dynamic", ["layers.0.down", "lm_head"])
def test_layers_scaled_at_run_time_and_untied_heads(
    tmp_path: Path, runner: type, opened: Checkpoint, tied: bool, dynamic: str
) -> None:
    values = opened.config.to_hugging_face() | {"tie_word_embeddings": tied}
    config = DecoderConfig.from_hugging_face(values)
    random = RandomWeights(config)

    def weights(name: str) -> NDArray[np.float32]:
        return random(name) * np.float32(1 if "norm" in name else 4)

    scales: dict[str, float | None] = dict.fromkeys(linear_names(config), 0.05)
    quantization = Quantization(scales | {dynamic: None}, [0.05, 0.05], [0.05, 0.05])
    write_graph(build_graph(config, weights, quantization), tmp_path, lambda _done, _total: None)
    found = runner(tmp_path / "model.onnx", config)(list(range(8, 40)), 32)
    (expected,) = logits(config, weights, [list(range(8, 40))])
    assert np.corrcoef(found.ravel(), expected.numpy().ravel())[0, 1] > 0.98


def test_outliers_before_a_tied_head_move_into_the_table(
    tmp_path: Path, runner: type, opened: Checkpoint
) -> None:
    config = as_decoder(opened.config)
    random, outliers = RandomWeights(config), [3, 17]

    def weights(name: str) -> NDArray[np.float32]:
        array = random(name) * np.float32(1 if "norm" in name else 4)
        if name == "model.norm.weight":
            array[outliers] *= 60
        elif name == "model.embed_tokens.weight":
            array[:, outliers] /= 60
        return array

    asked = list(range(8, 40))
    calibration = calibrate(config, weights, [asked], quantized_cache=True)
    smooth = calibration.quantization
    assert smooth.table_factors is not None
    head = head_weight(config, weights).numpy()
    (states,) = hidden_states(config, weights, [asked])
    plain_scale = choose_scale(states.numpy(), np.square(head).sum(axis=0))
    plain = replace(
        smooth,
        activation_scales=smooth.activation_scales | {"lm_head": plain_scale},
        table_factors=None,
    )
    others = {name: f for name, f in calibration.factors.items() if name != "lm_head"}
    expected = states.numpy() @ head.T
    errors = []
    for number, (rounding, factors) in enumerate([(plain, others), (smooth, calibration.factors)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        smoothed = SmoothedWeights(weights, config, factors)
        write_graph(build_graph(config, smoothed, rounding), folder, lambda _done, _total: None)
        found = runner(folder / "model.onnx", config)(asked, len(asked))
        errors.append(np.square(found - expected).mean())
    assert errors[1] < 0.5 * errors[0]


def test_writing_holds_one_layer_at_a_time(tmp_path: Path) -> None:
    config = ModelConfig(
        vocab_size=512,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=64,
    )
    random, alive, most = RandomWeights(config), 0, 0

    def gone() -> None:
        nonlocal alive
        alive -= 1

    def weights(name: str) -> NDArray[np.float32]:
        nonlocal alive, most
        weight = random(name)
        alive, most = alive + 1, max(most, alive + 1)
        weakref.finalize(weight, gone)
        return weight

    scales = Quantization(dict.fromkeys(linear_names(config), 0.05), [0.05] * 6, [0.05] * 6)
    model = build_graph(config, weights, scales)
    assert most == 0
    write_graph(model, tmp_path, lambda _done, _total: None)
    assert 0 < most <= 3  # query, key and value, which are stored as one


def test_integer_products_are_exact_on_this_processor(
    tmp_path: Path, runner: type, opened: Checkpoint
) -> None:
    config = opened.config
    # Scales this small push most activations to 0 or 255, where careless kernels saturate.
    scales = Quantization(dict.fromkeys(linear_names(config), 1e-3), [0.05] * 2, [0.05] * 2)
    write_graph(
        build_graph(config, RandomWeights(config), scales), tmp_path, lambda _done, _total: None
    )
    model = ir.load(tmp_path / "model.onnx")
    products = [node for node in model.graph if node.op_type == "MatMulInteger"]
    matrices = [node.inputs[1].const_value for node in products]  # none for the tied head
    for node in products:
        node.inputs[0].type = ir.TensorType(ir.DataType.UINT8)
        node.outputs[0].type = ir.TensorType(ir.DataType.INT32)
        model.graph.outputs.extend([node.inputs[0], node.outputs[0]])
    ir.save(model, tmp_path / "open.onnx")
    run = runner(tmp_path / "open.onnx", config)
    run(list(range(8, 24)), 16)
    for node, matrix in zip(products, matrices, strict=True):
        if matrix is not None:
            x = run.outputs[node.inputs[0].name].astype(np.int32) - 128
            expected = x @ matrix.numpy().astype(np.int32)
            np.testing.assert_array_equal(run.outputs[node.outputs[0].name], expected)
