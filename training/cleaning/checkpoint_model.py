"""A GEB checkpoint as the judge of text: slower than the bigram model, and far better."""

import math
from functools import lru_cache
from pathlib import Path

import torch

from engine.tokenizer import Tokenizer
from training.checkpoint import load_model
from training.cleaning.units import units
from training.loss import sequence_nats


class CheckpointModel:
    """A checkpoint in training's layout, on the GPU if there is one. Raises DataError."""

    def __init__(self, path: Path) -> None:
        model, folder = load_model(path)
        self._model = model.float().eval().to("cuda" if torch.cuda.is_available() else "cpu")
        self._tokenizer = Tokenizer(folder / "tokenizer.model")

    def bits_per_unit(self, text: str) -> float:
        """Return log2 of the perplexity of `text` per unit, over as much as the context holds."""
        begin = self._tokenizer.control_tokens["<s>"]
        context_length = self._model.config.max_position_embeddings
        ids = [begin, *self._tokenizer.encode(text)][: context_length + 1]
        counted, _ = units(self._tokenizer.decode(ids))
        return sequence_nats(self._model, ids) / math.log(2) / max(1, len(counted))


@lru_cache(maxsize=1)
def load_checkpoint(path: str) -> CheckpointModel:
    """Return a checkpoint, read once. Raises DataError."""
    return CheckpointModel(Path(path))
