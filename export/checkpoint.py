"""A checkpoint folder in Hugging Face layout, checked before any work starts."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from engine.config import ModelConfig
from engine.errors import ConfigError, DataError
from export.chat_format import ChatFormat, read_chat_format
from export.decoder import DecoderConfig
from export.detection import choose_family
from export.families import Family, read_family
from export.reference import logits
from export.weights import CheckpointWeights
from training.checkpoint import resolve
from training.rounding import Scales, load_scales


@dataclass(frozen=True)
class Checkpoint:
    """A decoder whose weights are read one at a time.

    `generation` is generation_config.json and `card` is model_card.json; {} where the file
    is missing.
    """

    path: Path
    model_type: str
    family: Family
    weights: CheckpointWeights
    chat: ChatFormat
    generation: dict[str, Any]
    card: dict[str, Any]
    scales: Scales | None
    """Those that it was trained to be rounded with, if it was."""

    @property
    def config(self) -> DecoderConfig:
        """The decoder's shape."""
        return self.family.config

    @property
    def stop_token_ids(self) -> list[int]:
        """The tokens that end an answer: the checkpoint's own, and those of its chat format."""
        return stop_token_ids(self.config, self.chat, self.generation)

    def shallow(self, num_hidden_layers: int) -> "Checkpoint":
        """Return the same model without its later layers."""
        config = replace(self.config, num_hidden_layers=num_hidden_layers)
        return replace(self, family=replace(self.family, config=config))

    def logits(self, sequences: Sequence[Sequence[int]]) -> Iterator[Tensor]:
        """Yield torch's logits, float32 [length, vocab_size], for each sequence of token ids."""
        return logits(self.config, self.weights, sequences)


def open_checkpoint(path: Path) -> Checkpoint:
    """Open a checkpoint folder, or the newest one of a training run's output.

    Where config.json leaves open how the weights are to be read, all readings are tried.
    Raises DataError or ConfigError where a file is missing or damaged, or where the
    architecture is not covered.
    """
    folder = resolve(path)
    values = read_json(folder / "config.json")
    model_type = str(values.get("model_type", "llama"))
    families = read_family({**values, "model_type": model_type})
    chat = read_chat_format(folder, model_type)
    if chat.tokenizer.vocab_size > families[0].config.vocab_size:
        raise DataError(
            "The checkpoint's tokenizer has {pieces} tokens, but its model only {size}.",
            pieces=chat.tokenizer.vocab_size,
            size=families[0].config.vocab_size,
        )
    family = families[0] if len(families) == 1 else choose_family(folder, families, chat)
    return Checkpoint(
        folder,
        model_type,
        family,
        CheckpointWeights(folder, family),
        chat,
        read_optional_json(folder / "generation_config.json"),
        read_optional_json(folder / "model_card.json"),
        load_scales(folder),
    )


def stop_token_ids(config: ModelConfig, chat: ChatFormat, generation: dict[str, Any]) -> list[int]:
    """Return what ends an answer, by config.json, the chat format and generation_config.json."""
    own = generation.get("eos_token_id") or []
    own = own if isinstance(own, list) else [own]
    return sorted({config.eos_token_id, *chat.stop_ids, *own})


def read_optional_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file, {} where there is none. Raises ConfigError."""
    return read_json(path) if path.exists() else {}


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file. Raises ConfigError where it holds none."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError("{path} is not valid JSON: {detail}.", path=path, detail=error) from error
    if not isinstance(values, dict):
        raise ConfigError("{path} must hold a JSON object.", path=path)
    return values
