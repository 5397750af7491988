"""A model file is hostile input: nothing it declares is believed unseen."""

import os
from contextlib import suppress
from pathlib import Path

import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from engine.errors import BundleError
from engine.onnx_file import TensorType, read_onnx


def _external(location: str, dims: tuple[int, ...] = (4,), **entries: object) -> TensorProto:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims)
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def _graph(
    initializers: tuple[TensorProto, ...] = (), nodes: tuple[onnx.NodeProto, ...] = ()
) -> onnx.GraphProto:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, "n", 4])
    result = helper.make_tensor_value_info("y", TensorProto.INT8, [])
    return helper.make_graph(nodes, "g", [value], [result], initializers)


def _write(folder: Path, model: onnx.ModelProto) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_inputs_outputs_and_weight_files(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    weights = tmp_path / "part" / "w.data"
    weights.write_bytes(bytes(24))
    tensor = _external("part/w.data", offset=8, length=16)
    found = read_onnx(_write(tmp_path, helper.make_model(_graph((tensor,)))))
    assert found.inputs == {"x": TensorType("float32", (1, None, 4))}
    assert found.outputs == {"y": TensorType("int8", ())}
    assert found.external_files == {weights.resolve()}


@pytest.mark.parametrize(
    "location",
    [
        "../secret",
        "/etc/hostname",
        "part/../../secret",
        "C:\\secret",
        "\\\\server\\secret",
        "..\\secret",
        "link",
        "linked/secret",
        "*/_ORT_MEM_ADDR_/*",
        "a\0b",
        "",
    ],
)
def test_a_file_outside_the_folder_is_refused(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(bytes(16))
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "linked").symlink_to(tmp_path)
    path = _write(folder, helper.make_model(_graph((_external(location),))))
    with pytest.raises(BundleError, match="outside its folder"):
        read_onnx(path)


def _in_constant(tensor: TensorProto) -> onnx.ModelProto:
    return helper.make_model(_graph(nodes=(helper.make_node("Constant", [], ["y"], value=tensor),)))


def _in_constant_list(tensor: TensorProto) -> onnx.ModelProto:
    node = helper.make_node("Any", [], ["y"])
    node.attribute.add(name="many", type=onnx.AttributeProto.TENSORS).tensors.append(tensor)
    return helper.make_model(_graph(nodes=(node,)))


def _in_subgraph(tensor: TensorProto) -> onnx.ModelProto:
    node = helper.make_node("If", ["x"], ["y"], then_branch=_graph((tensor,)))
    return helper.make_model(_graph(nodes=(node,)))


def _in_sparse(tensor: TensorProto) -> onnx.ModelProto:
    model = helper.make_model(_graph())
    model.graph.sparse_initializer.add().values.CopyFrom(tensor)
    return model


def _in_function(tensor: TensorProto) -> onnx.ModelProto:
    model = helper.make_model(_graph())
    model.functions.add().node.append(_in_constant(tensor).graph.node[0])
    return model


def _in_training(tensor: TensorProto) -> onnx.ModelProto:
    model = helper.make_model(_graph())
    model.training_info.add().initialization.initializer.append(tensor)
    return model


@pytest.mark.parametrize(
    "place",
    [_in_constant, _in_constant_list, _in_subgraph, _in_sparse, _in_function, _in_training],
)
def test_no_place_hides_a_weight_file(tmp_path: Path, place) -> None:
    path = _write(tmp_path, place(_external("../secret")))
    with pytest.raises(BundleError, match="outside its folder"):
        read_onnx(path)


def test_a_location_given_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w.data").write_bytes(bytes(16))
    tensor = _external("../secret")
    tensor.external_data.add(key="location", value="w.data")
    with pytest.raises(BundleError, match="damaged"):
        read_onnx(_write(tmp_path, helper.make_model(_graph((tensor,)))))


@pytest.mark.parametrize(
    ("tensor", "sentence"),
    [
        (_external("gone.data"), r"gone\.data is missing"),
        (_external("w.data", offset=8, length=16), "shorter than the model says"),
        (_external("w.data", offset=-8), "shorter than the model says"),
        (_external("w.data", length="many"), "damaged"),
        (_external("w.data", dims=(1 << 20, 1 << 20)), "claims a tensor of 1099511627776"),
        (_external("w.data", dims=(-1,)), "claims a tensor"),
        (TensorProto(dims=(1 << 40,), data_type=1, raw_data=b"1234"), "claims a tensor"),
        (TensorProto(dims=(1 << 62,) * 60, data_type=1), "claims a tensor"),
    ],
)
def test_sizes_that_lie_are_refused(tmp_path: Path, tensor: TensorProto, sentence: str) -> None:
    (tmp_path / "w.data").write_bytes(bytes(16))
    with pytest.raises(BundleError, match=sentence):
        read_onnx(_write(tmp_path, helper.make_model(_graph((tensor,)))))


def test_endless_nesting_is_refused(tmp_path: Path) -> None:
    graph = _graph()
    for _ in range(15):
        node = helper.make_node("If", ["x"], ["y"])
        node.attribute.add(name="body", type=onnx.AttributeProto.GRAPH).g.CopyFrom(graph)
        graph = _graph(nodes=(node,))
    with pytest.raises(BundleError, match="damaged"):
        read_onnx(_write(tmp_path, helper.make_model(graph)))


@pytest.mark.parametrize("content", [b"", b"\x00", b"PK\x03\x04", b"version https://git-lfs\n"])
def test_what_is_no_model_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(BundleError, match="is damaged or is no ONNX model"):
        read_onnx(path)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bytes_never_end_in_another_error(tiny_bundle: Path, tmp_path: Path, data) -> None:
    content = bytearray((tiny_bundle / "model.onnx").read_bytes())
    weights = tmp_path / "model.onnx.data"
    if not weights.exists():
        os.link(tiny_bundle / "model.onnx.data", weights)
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(content) - 1))
        content[position : position + data.draw(st.integers(0, 3))] = data.draw(
            st.binary(max_size=12)
        )
    path = tmp_path / "model.onnx"
    path.write_bytes(content[: data.draw(st.integers(1, len(content)) | st.just(len(content)))])
    with suppress(BundleError):
        read_onnx(path)
