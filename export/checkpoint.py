"""A checkpoint folder in Hugging Face layout, checked before any work starts."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import ConfigError, DataError
from engine.tokenizer import Tokenizer
from export.decoder import DecoderConfig
from export.families import read_family
from export.weights import CheckpointWeights
from training.checkpoint import resolve

ROLE_TOKENS = ("<|system|>", "<|user|>", "<|assistant|>")


@dataclass(frozen=True)
class Checkpoint:
    """A Llama-type model whose weights are read one at a time.

    `generation` is generation_config.json and `card` is model_card.json; {} where the file
    is missing.
    """

    path: Path
    config: DecoderConfig
    weights: CheckpointWeights
    tokenizer_model: Path
    tokenizer: Tokenizer
    generation: dict[str, Any]
    card: dict[str, Any]

    @property
    def stop_token_ids(self) -> list[int]:
        """The tokens that end an answer: </s>, a new user turn, and the checkpoint's own."""
        own = self.generation.get("eos_token_id") or []
        own = own if isinstance(own, list) else [own]
        user = self.tokenizer.control_tokens["<|user|>"]
        return sorted({self.config.eos_token_id, user, *own})


def open_checkpoint(path: Path) -> Checkpoint:
    """Open a checkpoint folder, or the newest one of a training run's output.

    Raises DataError or ConfigError where a file is missing or damaged, or where the
    architecture is not ours.
    """
    folder = resolve(path)
    values = _read_json(folder / "config.json")
    family = read_family(values)[0]
    config = family.config
    tokenizer_model = folder / "tokenizer.model"
    tokenizer = Tokenizer(tokenizer_model)
    if tokenizer.vocab_size > config.vocab_size:
        raise DataError(
            "The checkpoint's tokenizer has {pieces} tokens, but its model only {size}.",
            pieces=tokenizer.vocab_size,
            size=config.vocab_size,
        )
    for token in ROLE_TOKENS:
        if token not in tokenizer.control_tokens:
            raise DataError("The checkpoint's tokenizer lacks the role token {token}.", token=token)
    return Checkpoint(
        folder,
        config,
        CheckpointWeights(folder, family),
        tokenizer_model,
        tokenizer,
        _read_optional_json(folder / "generation_config.json"),
        _read_optional_json(folder / "model_card.json"),
    )


def _read_optional_json(path: Path) -> dict[str, Any]:
    return _read_json(path) if path.exists() else {}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError("{path} is not valid JSON: {detail}.", path=path, detail=error) from error
    if not isinstance(values, dict):
        raise ConfigError("{path} must hold a JSON object.", path=path)
    return values
