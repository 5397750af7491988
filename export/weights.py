"""Where a graph's weights come from: a checkpoint's files, or a random generator."""

import zlib
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from engine.config import ModelConfig
from engine.errors import DataError
from export.decoder import DecoderConfig, as_decoder
from export.families import Family, Rows
from export.tensor_files import TensorFiles


class Weights(Protocol):
    """Returns the float32 weight of a Llama or Qwen parameter name; matrices are [out, in]."""

    def __call__(self, name: str) -> NDArray[np.float32]: ...


def weight_shapes(config: DecoderConfig) -> dict[str, tuple[int, ...]]:
    """Return the shape of every parameter that a checkpoint of `config` must hold."""
    hidden, inner = config.hidden_size, config.intermediate_size
    query = config.num_attention_heads * config.head_dim
    key_value = config.num_key_value_heads * config.head_dim
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (config.vocab_size, hidden)}
    for layer in range(config.num_hidden_layers):
        prefix = f"model.layers.{layer}"
        shapes |= {
            f"{prefix}.input_layernorm.weight": (hidden,),
            f"{prefix}.self_attn.q_proj.weight": (query, hidden),
            f"{prefix}.self_attn.k_proj.weight": (key_value, hidden),
            f"{prefix}.self_attn.v_proj.weight": (key_value, hidden),
            f"{prefix}.self_attn.o_proj.weight": (hidden, query),
            f"{prefix}.post_attention_layernorm.weight": (hidden,),
            f"{prefix}.mlp.gate_proj.weight": (inner, hidden),
            f"{prefix}.mlp.up_proj.weight": (inner, hidden),
            f"{prefix}.mlp.down_proj.weight": (hidden, inner),
        }
        if config.qkv_bias:
            sizes = {"q": query, "k": key_value, "v": key_value}
            shapes |= {f"{prefix}.self_attn.{p}_proj.bias": (n,) for p, n in sizes.items()}
        if config.qk_norm:
            shapes |= {f"{prefix}.self_attn.{p}_norm.weight": (config.head_dim,) for p in "qk"}
    shapes["model.norm.weight"] = (hidden,)
    if not config.tie_word_embeddings:
        shapes["lm_head.weight"] = (config.vocab_size, hidden)
    return shapes


class CheckpointWeights:
    """Reads one parameter at a time from a checkpoint folder.

    Raises DataError where the checkpoint lacks a parameter, has another shape or is damaged.
    """

    def __init__(self, checkpoint: Path, family: Family) -> None:
        self._locate = family.locate
        self._files = TensorFiles(checkpoint)
        for name, shape in weight_shapes(family.config).items():
            self._check(self._locate(name), shape)

    def __call__(self, name: str) -> NDArray[np.float32]:
        rows = self._locate(name)
        tensor = self._files.read(rows.tensor)
        if rows.index is not None:
            tensor = tensor[torch.from_numpy(rows.index)]
        array: NDArray[np.float32] = tensor.float().numpy()
        if not np.isfinite(array).all():
            raise DataError(
                "The checkpoint's {name} holds values that are not finite.", name=rows.tensor
            )
        return array

    def _check(self, rows: Rows, shape: tuple[int, ...]) -> None:
        expected = shape if rows.total is None else (rows.total, *shape[1:])
        if rows.tensor not in self._files:
            raise DataError("The checkpoint lacks the weight {name}.", name=rows.tensor)
        found = self._files.shape(rows.tensor)
        if found != expected:
            raise DataError(
                "The checkpoint's {name} has the shape {found}, but its config.json says {shape}.",
                name=rows.tensor,
                found=list(found),
                shape=list(expected),
            )


class RandomWeights:
    """Draws N(0, 0.02) matrices and biases and norms of one; a name always gives the same."""

    def __init__(self, config: ModelConfig, seed: int = 0) -> None:
        self._shapes = weight_shapes(as_decoder(config))
        self._seed = seed

    def __call__(self, name: str) -> NDArray[np.float32]:
        shape = self._shapes[name]
        if "norm" in name:
            return np.ones(shape, np.float32)
        generator = np.random.default_rng([self._seed, zlib.crc32(name.encode())])
        weight = generator.standard_normal(shape, np.float32)
        weight *= np.float32(0.02)
        return weight
