"""The second way into a bundle: Optimum's export of architectures that our graph does not cover."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.config import ModelConfig
from engine.errors import DataError
from export.chat_format import ChatFormat, read_chat_format
from export.checkpoint import read_json, read_optional_json, stop_token_ids
from training.checkpoint import resolve

_EXPORT = """
import sys
from optimum.exporters.onnx import main_export
main_export(sys.argv[1], sys.argv[2], task="text-generation-with-past", do_validation=False)
"""


@dataclass(frozen=True)
class ForeignCheckpoint:
    """A model that transformers knows; its weights are all in memory while it is measured."""

    path: Path
    config: ModelConfig
    chat: ChatFormat
    generation: dict[str, Any]
    card: dict[str, Any]

    @property
    def stop_token_ids(self) -> list[int]:
        """The tokens that end an answer."""
        return stop_token_ids(self.config, self.chat, self.generation)

    @torch.no_grad()
    def logits(self, sequences: Sequence[Sequence[int]]) -> Iterator[Tensor]:
        """Yield transformers' own logits, float32 [length, vocab_size], for each sequence."""
        from transformers import AutoModelForCausalLM

        model = AutoModelForCausalLM.from_pretrained(
            self.path, local_files_only=True, trust_remote_code=False, dtype=torch.float32
        )
        for token_ids in sequences:
            yield model(torch.tensor([list(token_ids)])).logits[0]


def open_foreign(path: Path) -> ForeignCheckpoint:
    """Open a checkpoint of any architecture. Raises DataError or ConfigError."""
    folder = resolve(path)
    if not list(folder.glob("*.safetensors")):
        raise DataError(
            "{path} holds no safetensors files: pickled weights are not opened.", path=folder
        )
    values = read_json(folder / "config.json")
    stop = values.get("eos_token_id")
    if isinstance(stop, list):
        values["eos_token_id"] = stop[0]
    return ForeignCheckpoint(
        folder,
        ModelConfig.from_hugging_face(values),
        read_chat_format(folder, str(values.get("model_type"))),
        read_optional_json(folder / "generation_config.json"),
        read_optional_json(folder / "model_card.json"),
    )


def write_with_optimum(checkpoint: ForeignCheckpoint, folder: Path) -> None:
    """Write model.onnx and config.json. Raises DataError with Optimum's own last words."""
    # In a process of its own: it changes global settings, and its memory goes when it ends.
    result = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", _EXPORT, str(checkpoint.path), str(folder)],
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        last_words = (result.stderr.strip().splitlines() or ["?"])[-1]
        raise DataError(
            "Optimum cannot export {path}: {detail}.",
            path=checkpoint.path,
            detail=last_words.rstrip("."),
        )
