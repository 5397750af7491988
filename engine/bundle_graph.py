"""Whether a graph is what its configuration says, before anything of that size is allocated."""

from pathlib import Path

from engine.config import ModelConfig
from engine.errors import BundleError
from engine.onnx_file import OnnxFile, TensorType, read_onnx

# A weight takes between half a byte (int4) and four bytes (float32), embeddings perhaps twice.
_MIN_BYTES_PER_PARAMETER = 0.5
_MAX_BYTES_PER_PARAMETER = 8
_MAX_GRAPH_BYTES = 64 << 20
_CACHE_TYPES = ("int8", "float32")
_TOKEN_INPUTS = ("input_ids", "attention_mask", "position_ids")


def read_graph(model_path: Path, config: ModelConfig) -> OnnxFile:
    """Return what the graph declares. Raises BundleError where it is not a model of `config`."""
    graph = read_onnx(model_path)
    _check_sizes(model_path, config, graph)
    _check_inputs(config, graph)
    _check_outputs(config, graph)
    return graph


def _check_sizes(model_path: Path, config: ModelConfig, graph: OnnxFile) -> None:
    """Weights of the size that config.json claims, before anyone allocates by that claim."""
    files = {model_path, *graph.external_files}
    actual = sum(file.stat().st_size for file in files)
    least = config.num_parameters * _MIN_BYTES_PER_PARAMETER
    most = config.num_parameters * _MAX_BYTES_PER_PARAMETER + _MAX_GRAPH_BYTES
    if not least <= actual <= most:
        raise BundleError(
            "config.json describes a model of {parameters} parameters, which does not fit weights "
            "of {size} bytes; the model folder is damaged or forged.",
            parameters=f"{config.num_parameters:,}",
            size=f"{actual:,}",
        )


def _check_inputs(config: ModelConfig, graph: OnnxFile) -> None:
    expected = {name: TensorType("int64", (1, None)) for name in _TOKEN_INPUTS}
    expected["num_logits_to_keep"] = TensorType("int64", (1,))
    cache = _cache_names(config, "past_key_values")
    expected |= _cache_types(config, graph.inputs, cache)
    for name, declared in graph.inputs.items():
        if name not in expected:
            raise BundleError(
                "The model wants an input {name}, which GEB Chat does not know.", name=ascii(name)
            )
        _check_shape(name, declared, expected[name])
    for name in ("input_ids", "attention_mask", *cache):
        if name not in graph.inputs:
            raise BundleError("The model lacks the input or output {name}.", name=name)


def _check_outputs(config: ModelConfig, graph: OnnxFile) -> None:
    cache = _cache_names(config, "present")
    expected = {"logits": TensorType("float32", (1, None, config.vocab_size))}
    expected |= _cache_types(config, graph.inputs, cache)
    for name, shape in expected.items():
        if name not in graph.outputs:
            raise BundleError("The model lacks the input or output {name}.", name=name)
        _check_shape(name, graph.outputs[name], shape)


def _cache_names(config: ModelConfig, prefix: str) -> list[str]:
    layers = range(config.num_hidden_layers)
    return [f"{prefix}.{layer}.{part}" for layer in layers for part in ("key", "value")]


def _cache_types(
    config: ModelConfig, inputs: dict[str, TensorType], names: list[str]
) -> dict[str, TensorType]:
    """Return the expected type of each cache tensor: all as the first, in a type we know."""
    first = inputs.get("past_key_values.0.key")
    dtype = first.dtype if first and first.dtype in _CACHE_TYPES else _CACHE_TYPES[0]
    shape = (1, config.num_key_value_heads, None, config.head_dim)
    return {name: TensorType(dtype, shape) for name in names}


def _check_shape(name: str, declared: TensorType, expected: TensorType) -> None:
    """Sizes that are open on either side fit."""
    sizes_fit = len(declared.shape) == len(expected.shape) and all(
        size == wanted or size is None or wanted is None
        for size, wanted in zip(declared.shape, expected.shape, strict=True)
    )
    if not sizes_fit or declared.dtype != expected.dtype:
        raise BundleError(
            "The model's {name} has another shape or type than config.json says: "
            "{actual} instead of {expected}.",
            name=name,
            actual=_describe(declared),
            expected=_describe(expected),
        )


def _describe(declared: TensorType) -> str:
    sizes = ", ".join("?" if size is None else str(size) for size in declared.shape)
    return f"{declared.dtype or '?'} [{sizes}]"
