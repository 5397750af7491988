"""Where a graph's weights come from: a checkpoint's safetensors files, or a random generator."""

import json
import zlib
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from engine.config import ModelConfig
from engine.errors import DataError


class Weights(Protocol):
    """Returns the float32 weight of a Llama parameter name; linear layers are [out, in]."""

    def __call__(self, name: str) -> NDArray[np.float32]: ...


def weight_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
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
    shapes["model.norm.weight"] = (hidden,)
    if not config.tie_word_embeddings:
        shapes["lm_head.weight"] = (config.vocab_size, hidden)
    return shapes


class CheckpointWeights:
    """Reads one parameter at a time from `model.safetensors` or its shards.

    Raises DataError where the checkpoint lacks a parameter, has another shape or is damaged.
    """

    def __init__(self, checkpoint: Path, config: ModelConfig) -> None:
        self._shapes = weight_shapes(config)
        self._files = _locate(checkpoint)
        for name, shape in self._shapes.items():
            found = self._shape(name)
            if found != shape:
                raise DataError(
                    "The checkpoint's {name} has the shape {found}, but its config.json says"
                    " {shape}.",
                    name=name,
                    found=list(found),
                    shape=list(shape),
                )

    def __call__(self, name: str) -> NDArray[np.float32]:
        with safe_open(self._files[name], framework="pt") as file:
            array: NDArray[np.float32] = file.get_tensor(name).float().numpy()
        if not np.isfinite(array).all():
            raise DataError("The checkpoint's {name} holds values that are not finite.", name=name)
        return array

    def _shape(self, name: str) -> tuple[int, ...]:
        if name not in self._files:
            raise DataError("The checkpoint lacks the weight {name}.", name=name)
        try:
            with safe_open(self._files[name], framework="pt") as file:
                return tuple(file.get_slice(name).get_shape())
        except (SafetensorError, OSError) as error:
            raise DataError(
                "The checkpoint file {path} cannot be read: {detail}.",
                path=self._files[name],
                detail=error,
            ) from error


class RandomWeights:
    """Draws N(0, 0.02) matrices and norms of one; the same name always gives the same weight."""

    def __init__(self, config: ModelConfig, seed: int = 0) -> None:
        self._shapes = weight_shapes(config)
        self._seed = seed

    def __call__(self, name: str) -> NDArray[np.float32]:
        shape = self._shapes[name]
        if len(shape) == 1:
            return np.ones(shape, np.float32)
        generator = np.random.default_rng([self._seed, zlib.crc32(name.encode())])
        weight = generator.standard_normal(shape, np.float32)
        weight *= np.float32(0.02)
        return weight


def _locate(checkpoint: Path) -> dict[str, Path]:
    """Return the safetensors file of every parameter in a checkpoint folder."""
    index = checkpoint / "model.safetensors.index.json"
    try:
        if index.is_file():
            names = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
            return {name: checkpoint / Path(file).name for name, file in names.items()}
        path = checkpoint / "model.safetensors"
        with safe_open(path, framework="pt") as file:
            return dict.fromkeys(file.keys(), path)
    except (SafetensorError, OSError, ValueError, KeyError, AttributeError) as error:
        raise DataError(
            "The checkpoint {path} holds no readable model.safetensors: {detail}.",
            path=checkpoint,
            detail=error,
        ) from error
