"""What the engine's thread tells its listener, in the order in which it happens.

A load:    ModelLoading → [ContextReduced] → ModelLoaded | ModelFailed
An answer: [ContextTrimmed] → Started → PrefillProgress… → Token… → Done | Cancelled | Failed
One from documents: SourcesFound → Started → PrefillProgress… → Token… → CitationsMarked → the same
Every accepted request ends with exactly one event of the last column.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.documents.answering.sources import Sources
from engine.documents.passages import Retrieval
from engine.errors import GebError
from engine.sampling_params import GenerationDefaults

FinishReason = Literal["stop", "length"]
"""The model ended its answer, or a limit did (max_new_tokens, the context's end)."""


@dataclass(frozen=True)
class Usage:
    """What one answer cost."""

    prompt_tokens: int
    """Tokens of the whole prompt, those found in the cache included."""
    completion_tokens: int
    """Tokens generated, the stop token not included."""
    prefill_ms: float
    """Milliseconds from the start of the request to the logits of the first token."""
    decode_tokens_per_second: float
    """Speed of the tokens after the first; 0 where there were fewer than two."""
    context_used: int
    """Tokens in the cache when the answer ended."""


@dataclass(frozen=True)
class Started:
    """The prompt is encoded and fits; the model begins to read it."""

    request_id: int


@dataclass(frozen=True)
class PrefillProgress:
    """`done` of `total` prompt tokens are in the cache."""

    request_id: int
    done: int
    total: int


@dataclass(frozen=True)
class ContextTrimmed:
    """The conversation was too long: its oldest `dropped_messages` were left out."""

    request_id: int
    dropped_messages: int


@dataclass(frozen=True)
class Token:
    """The next piece of the answer: whole characters, never empty."""

    request_id: int
    text: str
    tokens: int = 1
    """So many tokens it took."""


@dataclass(frozen=True)
class SourcesFound:
    """The documents were searched; the model begins to read what was found."""

    request_id: int
    retrieval: Retrieval


@dataclass(frozen=True)
class CitationsMarked:
    """What the answer rests on is known. Its end follows at once."""

    request_id: int
    text: str
    """The whole answer with its marks, in the place of the pieces that came before."""
    sources: Sources


@dataclass(frozen=True)
class Done:
    """The answer is complete."""

    request_id: int
    usage: Usage
    finish_reason: FinishReason


@dataclass(frozen=True)
class Cancelled:
    """The answer, or the request before it began, was stopped by the user."""

    request_id: int
    usage: Usage


@dataclass(frozen=True)
class Failed:
    """The answer ended with an error; str(error) is the sentence to show."""

    request_id: int
    error: GebError


@dataclass(frozen=True)
class ModelLoading:
    """The bundle at `path` is being checked and opened."""

    request_id: int
    path: Path


@dataclass(frozen=True)
class ContextReduced:
    """Memory is short: the context holds `context_length` tokens instead of `wanted`."""

    request_id: int
    wanted: int
    context_length: int


@dataclass(frozen=True)
class ModelLoaded:
    """The model is ready to answer."""

    request_id: int
    name: str
    context_length: int
    load_seconds: float
    generation: GenerationDefaults
    """The model's own settings: `generation.params(temperature=0.5)` changes one of them."""


@dataclass(frozen=True)
class ModelFailed:
    """The bundle could not be opened; a model loaded before it stays in use."""

    request_id: int
    error: GebError


Event = (
    Started
    | PrefillProgress
    | ContextTrimmed
    | SourcesFound
    | Token
    | CitationsMarked
    | Done
    | Cancelled
    | Failed
    | ModelLoading
    | ContextReduced
    | ModelLoaded
    | ModelFailed
)
