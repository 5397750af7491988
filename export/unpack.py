"""`python -m export.unpack --bundle DIR --out DIR`: a model folder of ours back to a checkpoint.

Training goes on from it where the checkpoint itself is not to be had. Weights come back as they
were rounded. By what factors export divided a channel and multiplied the weights that meet it, to
round better (export.smoothing), cannot be told from the rest, but that their geometric mean is 1.
So channels are evened out: the weights of a norm are all the same, and the hidden units of an MLP
are made and used with weights of one ratio. The function stays the same.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx_ir as ir
import torch
from numpy.typing import NDArray

from engine.bundle import Bundle, open_bundle
from engine.config import ModelConfig
from engine.errors import DataError
from engine.i18n import tr
from engine.tokenizer import Tokenizer
from export.checkpoint import read_optional_json
from training.checkpoint import Progress, save
from training.command import command
from training.model import GEB

Array = NDArray[np.float32]
Tensors = Mapping[str, NDArray[np.generic]]

_TABLE = "model.embed_tokens"


def unpack(bundle: Bundle, out: Path) -> Path:
    """Write a bundle's weights as a checkpoint into `out` and return its folder.

    Raises DataError where the graph is not an int8 or float32 one that `export` wrote of a GEB,
    or where `out` is not empty or cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        # A checkpoint of step 0 takes the place of all later ones: it must be no run's folder.
        raise DataError("{path} is not an empty folder; choose another --out.", path=out)
    if not isinstance(bundle.tokenizer, Tokenizer):
        raise _foreign(bundle)
    model = GEB(bundle.config)
    try:
        weights = _weights(_read(bundle.model_path), bundle.config)
        model.load_state_dict({name: torch.from_numpy(weights[name]) for name in weights})
    except (KeyError, ValueError, RuntimeError) as error:
        raise _foreign(bundle) from error
    card = {"licence": bundle.licence} | read_optional_json(bundle.path / "model_card.json")
    return save(out, model, bundle.tokenizer, card, Progress(0, 0, {}), [])


def _foreign(bundle: Bundle) -> DataError:
    return DataError(
        "{path} is no int8 or fp32 model folder that python -m export wrote of a GEB.",
        path=bundle.path,
    )


def _read(path: Path) -> Tensors:
    """Return what a graph holds, by name."""
    initializers = ir.load(path).graph.initializers.items()
    return {str(name): v.const_value.numpy() for name, v in initializers if v.const_value}


def _weights(tensors: Tensors, config: ModelConfig) -> dict[str, Array]:
    """Return the parameters by a checkpoint's names. Raises KeyError or ValueError."""
    weights: dict[str, Array] = {}
    for layer in range(config.num_hidden_layers):
        weights |= _block(tensors, f"layers.{layer}", config)
    table = _tensor(tensors, f"{_TABLE}.weight")
    norm = _tensor(tensors, "model.norm.weight")
    if f"{_TABLE}.scale" in tensors:
        table = table * _tensor(tensors, f"{_TABLE}.scale")
    if f"{_TABLE}.inverse_factors" in tensors:  # the head's; embeddings are divided by them
        inverse = _tensor(tensors, f"{_TABLE}.inverse_factors")
        table, norm = table * inverse, norm / inverse
    head = table if config.tie_word_embeddings else _matrix(tensors, "lm_head")
    return weights | {
        f"{_TABLE}.weight": table,
        "model.norm.weight": norm,
        "lm_head.weight": head,
    }


def _block(tensors: Tensors, place: str, config: ModelConfig) -> dict[str, Array]:
    """Return the parameters of one layer."""
    norms = ("input_layernorm", "post_attention_layernorm")
    before, between = (_tensor(tensors, f"model.{place}.{norm}.weight") for norm in norms)
    query = config.num_attention_heads * config.head_dim
    key_value = config.num_key_value_heads * config.head_dim
    qkv = _matrix(tensors, f"{place}.qkv") * _evened(before)
    q, k, v = np.split(qkv, [query, query + key_value])
    gate, up = np.split(_matrix(tensors, f"{place}.gate_up") * _evened(between), 2)
    down = _matrix(tensors, f"{place}.down")
    moved = np.sqrt(_evened(np.linalg.norm(down, axis=0)) / _evened(np.linalg.norm(up, axis=1)))
    parts = {
        "input_layernorm": before / _evened(before),
        "self_attn.q_proj": q,
        "self_attn.k_proj": k,
        "self_attn.v_proj": v,
        "self_attn.o_proj": _matrix(tensors, f"{place}.o"),
        "post_attention_layernorm": between / _evened(between),
        "mlp.gate_proj": gate,
        "mlp.up_proj": up * moved[:, None],
        "mlp.down_proj": down / moved,
    }
    return {f"model.{place}.{part}.weight": values for part, values in parts.items()}


def _evened(channels: Array) -> Array:
    """Return what channels are divided by to be all the same; their geometric mean stays.

    A channel of zero is left alone.
    """
    some = np.abs(channels[channels != 0])
    mean = np.exp(np.log(some).mean()) if len(some) else 1
    evened: Array = np.where(channels == 0, 1, channels / mean).astype(np.float32)
    return evened


def _matrix(tensors: Tensors, name: str) -> Array:
    """Return a linear layer's weight [out, in]."""
    matrix = _tensor(tensors, f"{name}.weight").T
    if f"{name}.scale" not in tensors:
        return matrix
    scale = _tensor(tensors, f"{name}.scale")
    if f"{name}.activation_scale" in tensors:  # which the graph has multiplied in
        scale = scale / _tensor(tensors, f"{name}.activation_scale")
    return matrix * scale[:, None]


def _tensor(tensors: Tensors, name: str) -> Array:
    tensor = tensors[name]
    if tensor.dtype not in (np.int8, np.float32):
        raise ValueError(f"{name} holds {tensor.dtype}")
    values: Array = tensor.astype(np.float32)
    return values


@command
def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m export.unpack", description=tr("Turn a model folder into a checkpoint.")
    )
    parser.add_argument(
        "--bundle", type=Path, required=True, help=tr("an int8 or fp32 model folder")
    )
    parser.add_argument("--out", type=Path, required=True, help=tr("the checkpoint to write"))
    arguments = parser.parse_args()
    print(unpack(open_bundle(arguments.bundle), arguments.out))


if __name__ == "__main__":
    main()
