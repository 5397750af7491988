"""Checkpoints: a Hugging Face folder plus what an exact resume needs, written atomically.

`OUT/step-000500/` holds config.json, generation_config.json, model.safetensors,
tokenizer.model and the training state; `OUT/latest` names the newest. A reader takes OUT,
or one such folder.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch.optim import Optimizer

from engine.config import ModelConfig
from engine.errors import ConfigError, DataError
from engine.tokenizer import Tokenizer
from training.command import write_atomically
from training.model import GEB

_LATEST = "latest"
_HEAD = "lm_head.weight"
GENERATION_DEFAULTS = {
    "do_sample": True,
    "temperature": 0.5,
    "top_k": 20,
    "top_p": 0.9,
    "repetition_penalty": 1.1,
    "max_new_tokens": 256,
}


@dataclass(frozen=True)
class Progress:
    """How far a run is: finished steps, tokens seen, and the data's place."""

    step: int
    tokens: int
    batches: dict[str, Any]


def resolve(path: Path) -> Path:
    """Return the checkpoint folder that `path` means. Raises DataError if there is none."""
    latest = path / _LATEST
    folder = path / latest.read_text().strip() if latest.is_file() else path
    if not (folder / "config.json").is_file():
        raise DataError(
            "There is no checkpoint in {path}: it should hold config.json and model.safetensors.",
            path=path,
        )
    return folder


def save(
    out: Path,
    model: GEB,
    tokenizer: Tokenizer,
    card: dict[str, Any],
    progress: Progress,
    optimizers: list[Optimizer],
) -> Path:
    """Write a checkpoint and make it the latest; earlier ones go only when it stands."""
    name = f"step-{progress.step:07d}"
    beside, place = out / f".{name}", out / name
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    _write_json(beside / "config.json", model.config.to_hugging_face())
    _write_json(beside / "generation_config.json", _generation_config(model.config, tokenizer))
    _write_json(beside / "model_card.json", card)
    (beside / "tokenizer.model").write_bytes(tokenizer.serialized())
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        del weights[_HEAD]
    save_file(weights, beside / "model.safetensors", metadata={"format": "pt"})
    save_file(_optimizer_tensors(optimizers), beside / "optimizer.safetensors")
    _write_json(
        beside / "progress.json",
        {"step": progress.step, "tokens": progress.tokens, "batches": progress.batches},
    )
    shutil.rmtree(place, ignore_errors=True)
    beside.replace(place)
    write_atomically(out / _LATEST, name + "\n")
    for old in out.glob("step-*"):
        if old.name != name:
            shutil.rmtree(old)
    return place


def load_model(path: Path) -> tuple[GEB, Path]:
    """Return the model in `path` and the folder that it was read from.

    Raises DataError if weights are missing, damaged or of another shape.
    """
    folder = resolve(path)
    config = ModelConfig.load(folder / "config.json")
    model = GEB(config)
    try:
        weights = load_file(folder / "model.safetensors")
        if config.tie_word_embeddings:
            weights[_HEAD] = weights["model.embed_tokens.weight"]
        model.load_state_dict(weights)
    except (SafetensorError, OSError, KeyError, RuntimeError) as error:
        raise DataError(
            "The weights in {path} do not fit its config.json or are damaged.", path=folder
        ) from error
    return model, folder


def load_progress(folder: Path, optimizers: list[Optimizer]) -> Progress:
    """Put the optimisers back where the checkpoint left them and return its progress."""
    try:
        values = json.loads((folder / "progress.json").read_text())
        _load_optimizer_tensors(optimizers, load_file(folder / "optimizer.safetensors"))
        return Progress(values["step"], values["tokens"], values["batches"])
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise ConfigError(
            "{path} cannot be resumed: its training state is missing or damaged.", path=folder
        ) from error


def _optimizer_tensors(optimizers: list[Optimizer]) -> dict[str, torch.Tensor]:
    return {
        f"{number}.{index}.{key}": torch.as_tensor(value).contiguous()
        for number, optimizer in enumerate(optimizers)
        for index, state in optimizer.state_dict()["state"].items()
        for key, value in state.items()
    }


def _load_optimizer_tensors(optimizers: list[Optimizer], tensors: dict[str, torch.Tensor]) -> None:
    for number, optimizer in enumerate(optimizers):
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in tensors.items():
            owner, index, key = name.split(".", 2)
            if int(owner) == number:
                state.setdefault(int(index), {})[key] = value
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": state, "param_groups": groups})


def _generation_config(config: ModelConfig, tokenizer: Tokenizer) -> dict[str, Any]:
    return {
        **GENERATION_DEFAULTS,
        "bos_token_id": config.bos_token_id,
        "eos_token_id": [config.eos_token_id, tokenizer.control_tokens["<|user|>"]],
        "pad_token_id": config.pad_token_id,
    }


def _write_json(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, ensure_ascii=False, indent=1), encoding="utf-8")
