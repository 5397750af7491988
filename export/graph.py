"""The engine's ONNX graph of a decoder: rounded or float linear layers, GroupQueryAttention.

Weights stay lazy until the file is written, so a model larger than memory can be exported.
An int8 linear layer is static QuantizeLinear → MatMulInteger → Cast → Mul, whose result does
not depend on how many tokens come at once; an int4 one is MatMulNBits, which rounds its input
itself. Embedding and head stay int8 beside int4 layers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from engine.config import ModelConfig
from engine.quantization import (
    EXACT_PRODUCTS,
    INT4_BLOCK,
    ZERO_POINT,
    quantize_weight,
    quantize_weight_int4,
)
from export.decoder import DecoderConfig, as_decoder, rotary_tables
from export.weights import Weights

OPSET = 23
_CONTRIB = "com.microsoft"
_EMBEDDING = "model.embed_tokens.weight"
_INT8_PRODUCTS = 4  # MatMulNBits multiplies rounded inputs: two thirds faster than float32
_TO_THE_END = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Quantization:
    """How a graph is quantized.

    `activation_scales` maps each int8 linear layer ("layers.N.qkv", ".o", ".gate_up", ".down"
    and "lm_head") to the static scale of its input, or to None where it is scaled at run time.
    `key_scales` and `value_scales` hold one scale a layer; empty for a float cache.
    `int4_layers`: all linear layers but the head are int4 and have no activation scale.
    `table_factors` [hidden_size]: what the columns of a tied table were multiplied with for the
    head's sake; embeddings are divided by it.
    """

    activation_scales: dict[str, float | None]
    key_scales: Sequence[float] = ()
    value_scales: Sequence[float] = ()
    int4_layers: bool = False
    table_factors: NDArray[np.float32] | None = None


def linear_names(config: ModelConfig) -> list[str]:
    """Return the names of a graph's linear layers, in the order in which they run."""
    parts = ("qkv", "o", "gate_up", "down")
    layers = range(config.num_hidden_layers)
    return [f"layers.{layer}.{part}" for layer in layers for part in parts] + ["lm_head"]


def build_graph(
    config: ModelConfig, weights: Weights, quantization: Quantization | None = None
) -> ir.Model:
    """Return the graph: rounded as `quantization` says, or float32 without it.

    Inputs: input_ids [1, S], attention_mask [1, T], num_logits_to_keep [1] (int64) and
    past_key_values.N.key/value [1, num_key_value_heads, L, head_dim]; outputs: logits
    [1, num_logits_to_keep, vocab_size] and present.N.key/value, meant to share one buffer
    with the past. The cache is int8 where `quantization` has scales for it, else float32.
    """
    return _Builder(as_decoder(config), weights, quantization).build()


class _Builder:
    """Collects the nodes and initializers of one graph."""

    def __init__(
        self, config: DecoderConfig, weights: Weights, quantization: Quantization | None
    ) -> None:
        self.config = config
        self.weights = weights
        self.quantization = quantization
        self.quantized_cache = quantization is not None and len(quantization.key_scales) > 0
        self.tape = ir.tape.Tape()
        # The weight and its scales are written one after the other: quantize once for both.
        self._quantized = lru_cache(maxsize=1)(self._quantize)
        self._quantized_int4 = lru_cache(maxsize=1)(self._quantize_int4)

    def build(self) -> ir.Model:
        config = self.config
        input_ids = _input("input_ids", ir.DataType.INT64, [1, "sequence_length"])
        attention_mask = _input("attention_mask", ir.DataType.INT64, [1, "total_sequence_length"])
        keep = _input("num_logits_to_keep", ir.DataType.INT64, [1])
        cache_type = ir.DataType.INT8 if self.quantized_cache else ir.DataType.FLOAT
        cache_shape: list[int | str] = [
            1,
            config.num_key_value_heads,
            "max_length",
            config.head_dim,
        ]
        past = [
            _input(f"past_key_values.{layer}.{part}", cache_type, cache_shape)
            for layer in range(config.num_hidden_layers)
            for part in ("key", "value")
        ]
        logits, present = self._decoder(input_ids, attention_mask, keep, past)
        _describe(logits, "logits", ir.DataType.FLOAT, [1, "num_logits", config.vocab_size])
        for value, source in zip(present, past, strict=True):
            name = source.name.replace("past_key_values", "present") if source.name else None
            _describe(value, name, cache_type, cache_shape)
        graph = ir.Graph(
            [input_ids, attention_mask, keep, *past],
            [logits, *present],
            nodes=self.tape.nodes,
            initializers=self.tape.initializers,
            opset_imports={"": OPSET, _CONTRIB: 1},
            name="geb",
        )
        model = ir.Model(graph, ir_version=10, producer_name="geb-chat")
        model.metadata_props[EXACT_PRODUCTS] = "true"
        return model

    def _decoder(
        self, input_ids: ir.Value, attention_mask: ir.Value, keep: ir.Value, past: list[ir.Value]
    ) -> tuple[ir.Value, list[ir.Value]]:
        lengths = self._lengths(attention_mask)
        rotary = self._rotary_tables()
        residual, update = self._embedding(input_ids), None
        present: list[ir.Value] = []
        for layer in range(self.config.num_hidden_layers):
            prefix = f"model.layers.{layer}"
            normed, residual = self._norm(residual, update, f"{prefix}.input_layernorm")
            attended, *cache = self._attention(
                layer, normed, past[2 * layer : 2 * layer + 2], lengths, rotary
            )
            present += cache
            normed, residual = self._norm(residual, attended, f"{prefix}.post_attention_layernorm")
            update = self._mlp(layer, normed)
        normed, _ = self._norm(residual, update, "model.norm")
        return self._head(normed, keep), present

    def _lengths(self, attention_mask: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Return what GroupQueryAttention wants: last position [1] and total length, int32."""
        op = self.tape.op
        ones = op("ReduceSum", [attention_mask, self._ints("axis_1", [1])], {"keepdims": 0})
        last = op("Cast", [op("Sub", [ones, self._ints("one", [1])])], {"to": ir.DataType.INT32})
        shape = op("Shape", [attention_mask], {"start": 1, "end": 2})
        total = op("Squeeze", [op("Cast", [shape], {"to": ir.DataType.INT32})])
        return last, total

    def _rotary_tables(self) -> tuple[ir.Value, ir.Value]:
        length = self.config.max_position_embeddings
        shape = [length, self.config.rotated // 2]

        def table(part: int) -> Callable[[], NDArray[np.float32]]:
            return lambda: rotary_tables(self.config, length)[part].numpy()

        return (
            self._lazy("rotary.cos", table(0), shape),
            self._lazy("rotary.sin", table(1), shape),
        )

    def _embedding(self, input_ids: ir.Value) -> ir.Value:
        op = self.tape.op
        shape = [self.config.vocab_size, self.config.hidden_size]
        if self.quantization is None:
            self.table = self._float(_EMBEDDING, shape)
            return op("Gather", [self.table, input_ids])
        parts = (_EMBEDDING,)
        self.table = self._lazy(
            _EMBEDDING, lambda: self._quantized(parts)[0], shape, ir.DataType.INT8
        )
        row_scales = self._lazy(
            "model.embed_tokens.scale", lambda: self._quantized(parts)[1][:, None], [shape[0], 1]
        )
        rows = op("Cast", [op("Gather", [self.table, input_ids])], {"to": ir.DataType.FLOAT})
        rows = op("Mul", [rows, op("Gather", [row_scales, input_ids])])
        factors = self.quantization.table_factors
        if factors is None:
            return rows
        inverse = self._constant("model.embed_tokens.inverse_factors", 1 / factors)
        return op("Mul", [rows, inverse])

    def _norm(
        self, residual: ir.Value, update: ir.Value | None, name: str
    ) -> tuple[ir.Value, ir.Value]:
        """Return the norm of residual + update, and that sum."""
        gamma = self._float(f"{name}.weight", [self.config.hidden_size])
        epsilon = self.config.rms_norm_eps
        if update is None:
            normed = self.tape.op(
                "RMSNormalization", [residual, gamma], {"axis": -1, "epsilon": epsilon}
            )
            return normed, residual
        normed, _, _, total = self.tape.op_multi_out(
            "SkipSimplifiedLayerNormalization",
            [residual, update, gamma],
            {"epsilon": epsilon},
            num_outputs=4,
            domain=_CONTRIB,
        )
        return normed, total

    def _attention(
        self,
        layer: int,
        x: ir.Value,
        past: list[ir.Value],
        lengths: tuple[ir.Value, ir.Value],
        rotary: tuple[ir.Value, ir.Value],
    ) -> Sequence[ir.Value]:
        config = self.config
        query = config.num_attention_heads * config.head_dim
        key_value = config.num_key_value_heads * config.head_dim
        prefix = f"model.layers.{layer}.self_attn"
        qkv = self._linear(
            f"layers.{layer}.qkv",
            x,
            tuple(f"{prefix}.{part}_proj.weight" for part in "qkv"),
            [config.hidden_size, query + 2 * key_value],
        )
        if config.qkv_bias:
            bias = self._lazy(
                f"{prefix}.qkv_bias",
                lambda: np.concatenate([self.weights(f"{prefix}.{p}_proj.bias") for p in "qkv"]),
                [query + 2 * key_value],
            )
            qkv = self.tape.op("Add", [qkv, bias])
        heads: list[ir.Value | None] = [qkv, None, None]
        if config.qk_norm:
            heads = self._normed_heads(prefix, qkv, query, key_value)
        attributes: dict[str, int | str] = {
            "num_heads": config.num_attention_heads,
            "kv_num_heads": config.num_key_value_heads,
            "do_rotary": 1,
            "rotary_interleaved": 0,
        }
        if config.sliding_window is not None:
            attributes["local_window_size"] = config.sliding_window
        inputs: list[ir.Value | None] = [*heads, *past, *lengths, *rotary]
        if self.quantized_cache and self.quantization:
            inputs += [None, None, None]  # position_ids, attention_bias, head_sink
            inputs += [
                self._scalar(f"{prefix}.key_scale", self.quantization.key_scales[layer], [1]),
                self._scalar(f"{prefix}.value_scale", self.quantization.value_scales[layer], [1]),
            ]
            attributes |= {
                "kv_cache_bit_width": 8,
                "k_quant_type": "PER_TENSOR",
                "v_quant_type": "PER_TENSOR",
            }
        attended, key, value = self.tape.op_multi_out(
            "GroupQueryAttention", inputs, attributes, num_outputs=3, domain=_CONTRIB
        )
        shape = [query, config.hidden_size]
        return (
            self._linear(f"layers.{layer}.o", attended, (f"{prefix}.o_proj.weight",), shape),
            key,
            value,
        )

    def _normed_heads(
        self, prefix: str, qkv: ir.Value, query: int, key_value: int
    ) -> list[ir.Value | None]:
        """Return queries and keys normalised head by head, and values, [1, S, heads · head_dim]."""
        op, config = self.tape.op, self.config
        sizes = self._ints("qkv_sizes", [query, key_value, key_value])
        parts = self.tape.op_multi_out("Split", [qkv, sizes], {"axis": -1}, num_outputs=3)
        normed: list[ir.Value | None] = []
        for part, name in zip(parts[:2], "qk", strict=True):
            gamma = self._float(f"{prefix}.{name}_norm.weight", [config.head_dim])
            heads = op("Reshape", [part, self._ints("by_head", [1, 0, -1, config.head_dim])])
            attributes = {"axis": -1, "epsilon": config.rms_norm_eps}
            heads = op("RMSNormalization", [heads, gamma], attributes)
            normed.append(op("Reshape", [heads, self._ints("joined", [1, 0, -1])]))
        return [*normed, parts[2]]

    def _mlp(self, layer: int, x: ir.Value) -> ir.Value:
        config, op = self.config, self.tape.op
        prefix = f"model.layers.{layer}.mlp"
        both = self._linear(
            f"layers.{layer}.gate_up",
            x,
            (f"{prefix}.gate_proj.weight", f"{prefix}.up_proj.weight"),
            [config.hidden_size, 2 * config.intermediate_size],
        )
        gate, up = self.tape.op_multi_out(
            "Split", [both], {"axis": -1, "num_outputs": 2}, num_outputs=2
        )
        active = op("Mul", [op("Mul", [gate, op("Sigmoid", [gate])]), up])
        shape = [config.intermediate_size, config.hidden_size]
        return self._linear(f"layers.{layer}.down", active, (f"{prefix}.down_proj.weight",), shape)

    def _head(self, x: ir.Value, keep: ir.Value) -> ir.Value:
        op, config = self.tape.op, self.config
        ends, axes = self._ints("to_the_end", [_TO_THE_END]), self._ints("axis_1", [1])
        last = op("Slice", [x, op("Neg", [keep]), ends, axes])
        if not config.tie_word_embeddings:
            shape = [config.hidden_size, config.vocab_size]
            return self._linear("lm_head", last, ("lm_head.weight",), shape)
        # onnxruntime folds this Transpose when it loads the graph: the file holds one matrix.
        matrix = op("Transpose", [self.table], {"perm": [1, 0]})
        return self._product("lm_head", last, matrix, (_EMBEDDING,), config.vocab_size)

    def _linear(self, name: str, x: ir.Value, parts: tuple[str, ...], shape: list[int]) -> ir.Value:
        """Return x · [parts side by side], a matrix [in, out] = `shape`."""
        if self.quantization is not None and self.quantization.int4_layers and name != "lm_head":
            return self._int4_product(name, x, parts, shape)
        integer = self.quantization is not None
        matrix = self._lazy(
            f"{name}.weight",
            lambda: np.ascontiguousarray(
                (self._quantized(parts)[0] if integer else self._joined(parts)).T
            ),
            shape,
            ir.DataType.INT8 if integer else ir.DataType.FLOAT,
        )
        return self._product(name, x, matrix, parts, shape[1])

    def _product(
        self, name: str, x: ir.Value, matrix: ir.Value, parts: tuple[str, ...], out: int
    ) -> ir.Value:
        """Return x · matrix; an int8 matrix meets x as uint8, and its scales follow."""
        op = self.tape.op
        if self.quantization is None:
            return op("MatMul", [x, matrix])
        static = self.quantization.activation_scales[name]
        factor = self._lazy(
            f"{name}.scale",
            lambda: self._quantized(parts)[1] * np.float32(1.0 if static is None else static),
            [out],
        )
        if static is None:
            quantized, scale, zero = self.tape.op_multi_out(
                "DynamicQuantizeLinear", [x], num_outputs=3
            )
            factor = op("Mul", [scale, factor])
        else:
            scale = self._scalar(f"{name}.activation_scale", static, [])
            zero = self._constant("zero_point", np.array(ZERO_POINT, np.uint8))
            quantized = op("QuantizeLinear", [x, scale, zero])
        product = op("MatMulInteger", [quantized, matrix, zero])
        return op("Mul", [op("Cast", [product], {"to": ir.DataType.FLOAT}), factor])

    def _int4_product(
        self, name: str, x: ir.Value, parts: tuple[str, ...], shape: list[int]
    ) -> ir.Value:
        columns, rows = shape
        blocks = -(-columns // INT4_BLOCK)
        packed = self._lazy(
            f"{name}.weight",
            lambda: self._quantized_int4(parts)[0],
            [rows, blocks, INT4_BLOCK // 2],
            ir.DataType.UINT8,
        )
        scales = self._lazy(f"{name}.scale", lambda: self._quantized_int4(parts)[1], [rows, blocks])
        attributes = {"K": columns, "N": rows, "bits": 4, "block_size": INT4_BLOCK}
        attributes["accuracy_level"] = _INT8_PRODUCTS
        return self.tape.op("MatMulNBits", [x, packed, scales], attributes, domain=_CONTRIB)

    def _quantize(self, parts: tuple[str, ...]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        return quantize_weight(self._joined(parts))

    def _quantize_int4(
        self, parts: tuple[str, ...]
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        return quantize_weight_int4(self._joined(parts))

    def _joined(self, parts: tuple[str, ...]) -> NDArray[np.float32]:
        matrices = [self.weights(part) for part in parts]
        return matrices[0] if len(matrices) == 1 else np.concatenate(matrices)

    def _float(self, name: str, shape: list[int]) -> ir.Value:
        return self._lazy(name, lambda: self.weights(name), shape)

    def _scalar(self, name: str, value: float, shape: list[int]) -> ir.Value:
        return self._constant(name, np.full(shape, value, np.float32))

    def _ints(self, name: str, values: list[int]) -> ir.Value:
        return self._constant(name, np.array(values, np.int64))

    def _constant(self, name: str, array: NDArray[np.generic]) -> ir.Value:
        known = next((v for v in self.tape.initializers if v.name == name), None)
        return known or self.tape.initializer(ir.tensor(array, name=name))

    def _lazy(
        self,
        name: str,
        evaluate: Callable[[], NDArray[np.generic]],
        shape: list[int],
        dtype: ir.DataType = ir.DataType.FLOAT,
    ) -> ir.Value:
        tensor = ir.LazyTensor(
            lambda: ir.tensor(evaluate()), dtype=dtype, shape=ir.Shape(shape), name=name
        )
        return self.tape.initializer(tensor)


def _input(name: str, dtype: ir.DataType, shape: Sequence[int | str]) -> ir.Value:
    return ir.Value(name=name, type=ir.TensorType(dtype), shape=ir.Shape(shape))


def _describe(
    value: ir.Value, name: str | None, dtype: ir.DataType, shape: Sequence[int | str]
) -> None:
    value.name, value.type, value.shape = name, ir.TensorType(dtype), ir.Shape(shape)
