"""Holds a written bundle against its checkpoint, through the engine that will run it."""

import math
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from engine.bundle import open_bundle
from engine.config import ModelConfig
from engine.errors import BundleError
from engine.model import Model
from export.chat_format import ChatFormat
from export.texts import Sample

GREEDY_STEPS = 64
_PROMPT_TOKENS = 32


class Measurable(Protocol):
    """What a bundle is held against."""

    @property
    def config(self) -> ModelConfig: ...
    @property
    def chat(self) -> ChatFormat: ...
    def logits(self, sequences: Sequence[Sequence[int]]) -> Iterator[torch.Tensor]:
        """Yield float32 [length, vocab_size] for each sequence of token ids."""


@dataclass(frozen=True)
class Fidelity:
    """How close a bundle is to its checkpoint on one language's held-out text.

    `agreement` is the share of positions where both find the same token likeliest, 0 to 1.
    """

    language: str
    tokens: int
    checkpoint_bits_per_byte: float
    bundle_bits_per_byte: float
    agreement: float

    @property
    def loss(self) -> float:
        """How much more bits per byte the bundle takes, as a share of the checkpoint's."""
        return self.bundle_bits_per_byte / self.checkpoint_bits_per_byte - 1


def check_greedy(bundle: Path, checkpoint: Measurable, samples: Sequence[Sample]) -> float:
    """Decode GREEDY_STEPS tokens after one prompt per language, cached, and compare with torch.

    Returns the largest difference of a logit. Raises BundleError where torch prefers
    another token at any step.
    """
    prompts = {sample.language: sample.token_ids for sample in reversed(samples)}
    room = checkpoint.config.max_position_embeddings - GREEDY_STEPS
    decoded = []
    with _model(bundle) as model:
        for prompt in prompts.values():
            tokens = prompt[: min(_PROMPT_TOKENS, room)]
            rows = [_forward_from_empty(model, tokens)]
            start = len(tokens)
            for _ in range(GREEDY_STEPS - 1):
                tokens = [*tokens, int(rows[-1].argmax())]
                rows.append(model.forward(tokens[-1:]).copy())
            decoded.append((start, tokens, np.stack(rows)))
    references = checkpoint.logits([tokens for _, tokens, _ in decoded])
    largest = 0.0
    for (start, _, found), reference in zip(decoded, references, strict=True):
        expected = reference[start - 1 :].numpy()
        largest = max(largest, float(np.abs(found - expected).max()))
        wrong = np.flatnonzero(found.argmax(1) != expected.argmax(1))
        if len(wrong):
            raise BundleError(
                "The exported graph and the checkpoint chose different tokens at step {step};"
                " the largest difference of a logit is {difference}.",
                step=int(wrong[0]) + 1,
                difference=f"{largest:.3g}",
            )
    return largest


def measure_fidelity(
    bundle: Path, checkpoint: Measurable, samples: Sequence[Sample], max_loss: float
) -> list[Fidelity]:
    """Return bits per byte of bundle and checkpoint by language, the bundle fed token by token.

    Raises BundleError where rounding costs more than the share `max_loss` of bits per byte.
    """
    results = []
    with _model(bundle) as model:
        for language in sorted({sample.language for sample in samples}):
            chosen = [sample.token_ids for sample in samples if sample.language == language]
            results.append(_measure(model, checkpoint, language, chosen))
    for result in results:
        if result.loss > max_loss:
            raise BundleError(
                "Rounding costs {loss} of the bits per byte in {language}, more than the {limit}"
                " allowed. Export with a finer --precision, or allow it with --max-loss.",
                loss=f"{result.loss:.2%}",
                language=result.language,
                limit=f"{max_loss:.2%}",
            )
    return results


def _measure(
    model: Model, checkpoint: Measurable, language: str, sequences: list[list[int]]
) -> Fidelity:
    nats = {"checkpoint": 0.0, "bundle": 0.0}
    agreed = tokens = num_bytes = 0
    references = checkpoint.logits(sequences)
    for ids, reference in zip(sequences, references, strict=True):
        rows = [_forward_from_empty(model, ids[:1])]
        rows += [model.forward([token]).copy() for token in ids[1:-1]]
        found, expected = torch.from_numpy(np.stack(rows)), reference[:-1]
        targets = torch.tensor(ids[1:])
        nats["checkpoint"] += torch.nn.functional.cross_entropy(
            expected, targets, reduction="sum"
        ).item()
        nats["bundle"] += torch.nn.functional.cross_entropy(found, targets, reduction="sum").item()
        agreed += int((found.argmax(1) == expected.argmax(1)).sum())
        tokens += len(targets)
        num_bytes += sum(len(checkpoint.chat.tokenizer.token_bytes(token)) for token in ids[1:])
    per_byte = 1 / (math.log(2) * num_bytes)
    return Fidelity(
        language,
        tokens,
        nats["checkpoint"] * per_byte,
        nats["bundle"] * per_byte,
        agreed / tokens,
    )


def _forward_from_empty(model: Model, token_ids: list[int]) -> np.ndarray:
    model.truncate(0)
    return model.forward(token_ids).copy()


@contextmanager
def _model(path: Path) -> Iterator[Model]:
    with closing(Model(open_bundle(path))) as model:
        yield model
