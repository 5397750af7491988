"""The folder around a graph: configurations, checksums, and how it appears all at once."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx_ir as ir

from engine.config import ModelConfig
from engine.errors import DataError
from export.decoder import as_decoder
from training.checkpoint import GENERATION_DEFAULTS

_EXTERNAL_BYTES = 1024  # smaller tensors stay inside model.onnx
_CHUNK = 1 << 22

_GENERATION_DEFAULTS: dict[str, Any] = {**GENERATION_DEFAULTS, "min_p": 0.0}


@contextmanager
def new_bundle(out: Path) -> Iterator[Path]:
    """Yield an empty folder beside `out` that takes its place when the block ends without error.

    Raises DataError where `out` cannot be written or is a folder that is no bundle.
    """
    if out.exists() and not _replaceable(out):
        raise DataError(
            "{path} exists and is not a model folder; choose another --out, or remove it.",
            path=out,
        )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise DataError("{path} cannot be written: {detail}.", path=out, detail=error) from error
    try:
        bundle = building / "new"
        bundle.mkdir()
        yield bundle
        _replace(out, bundle, building / "old")
    finally:
        shutil.rmtree(building, ignore_errors=True)


def write_graph(model: ir.Model, folder: Path, on_progress: Callable[[int, int], None]) -> None:
    """Write model.onnx and model.onnx.data, one tensor in memory at a time."""
    ir.save(
        model,
        folder / "model.onnx",
        external_data="model.onnx.data",
        size_threshold_bytes=_EXTERNAL_BYTES,
        callback=lambda _, info: on_progress(info.index + 1, info.total),
    )


def write_configs(
    config: ModelConfig,
    stop_token_ids: list[int],
    generation: dict[str, Any],
    folder: Path,
    model_type: str = "llama",
) -> None:
    """Write config.json, generation_config.json and genai_config.json.

    `generation` overrides training's defaults; other keys in it are left out.
    """
    chosen = write_generation_config(config, stop_token_ids, generation, folder)
    write_json(folder / "config.json", as_decoder(config).describe(model_type))
    write_json(folder / "genai_config.json", _genai_config(config, chosen))


def write_generation_config(
    config: ModelConfig, stop_token_ids: list[int], generation: dict[str, Any], folder: Path
) -> dict[str, Any]:
    """Write generation_config.json and return it; see write_configs."""
    chosen = {key: generation.get(key, value) for key, value in _GENERATION_DEFAULTS.items()}
    chosen |= {
        "bos_token_id": config.bos_token_id,
        "eos_token_id": stop_token_ids,
        "pad_token_id": config.pad_token_id,
    }
    write_json(folder / "generation_config.json", chosen)
    return chosen


def write_sums(folder: Path) -> None:
    """Write SHA256SUMS over every other file of `folder`, in sha256sum's format."""
    names = sorted(path.name for path in folder.iterdir() if path.name != "SHA256SUMS")
    lines = [f"{_sha256(folder / name)}  {name}\n" for name in names]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write readable JSON."""
    path.write_text(json.dumps(values, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _genai_config(config: ModelConfig, generation: dict[str, Any]) -> dict[str, Any]:
    """Return onnxruntime-genai's description of the graph."""
    decoder = {
        "session_options": {"provider_options": []},
        "filename": "model.onnx",
        "head_size": config.head_dim,
        "hidden_size": config.hidden_size,
        "num_attention_heads": config.num_attention_heads,
        "num_hidden_layers": config.num_hidden_layers,
        "num_key_value_heads": config.num_key_value_heads,
        "inputs": {
            "input_ids": "input_ids",
            "attention_mask": "attention_mask",
            "past_key_names": "past_key_values.%d.key",
            "past_value_names": "past_key_values.%d.value",
        },
        "outputs": {
            "logits": "logits",
            "present_key_names": "present.%d.key",
            "present_value_names": "present.%d.value",
        },
    }
    model = {
        "type": "llama",
        "context_length": config.max_position_embeddings,
        "vocab_size": config.vocab_size,
        "bos_token_id": config.bos_token_id,
        "eos_token_id": generation["eos_token_id"],
        "pad_token_id": config.pad_token_id,
        "decoder": decoder,
    }
    search = {
        "do_sample": generation["do_sample"],
        "temperature": generation["temperature"],
        "top_k": generation["top_k"],
        "top_p": generation["top_p"],
        "repetition_penalty": generation["repetition_penalty"],
        "max_length": config.max_position_embeddings,
        "past_present_share_buffer": True,
    }
    return {"model": model, "search": search}


def _replaceable(out: Path) -> bool:
    if not out.is_dir():
        return False
    names = {path.name for path in out.iterdir()}
    return not names or {"config.json", "model.onnx", "SHA256SUMS"} <= names


def _replace(out: Path, bundle: Path, old: Path) -> None:
    if not out.exists():
        bundle.rename(out)
        return
    out.rename(old)
    try:
        bundle.rename(out)
    except OSError:
        old.rename(out)
        raise


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
