"""Whole answers through the product's own loop, with the tokens played from a recording."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from engine import generation
from engine.bundle import Bundle
from engine.events import Done, Token, Usage
from engine.model import Model
from engine.sampling import Sampler, SamplingParams
from engine.speculation import MAX_DRAFT_TOKENS


def play(
    model: Model,
    bundle: Bundle,
    prompt: Sequence[int],
    recorded: Sequence[int],
    max_draft_tokens: int = MAX_DRAFT_TOKENS,
) -> tuple[Usage, str]:
    """Answer `prompt` with the tokens `recorded`; return what it cost and the text.

    The model computes and the sampler samples as always; then the recorded token is taken
    instead.
    """
    params = bundle.generation.params(max_new_tokens=len(recorded), seed=0)
    # An answer ends where its recording does.
    endless = replace(bundle, generation=replace(bundle.generation, eos_token_ids=()))
    with _playing(recorded):
        *events, last = generation.generate(
            model, endless, prompt, params, max_draft_tokens=max_draft_tokens
        )
    if not isinstance(last, Done):
        raise RuntimeError("The answer did not come to its end.")
    return last.usage, "".join(event.text for event in events if isinstance(event, Token))


def prefill_seconds(model: Model, bundle: Bundle, tokens: Sequence[int]) -> float:
    """Return the seconds in which the product reads a prompt into an empty cache."""
    model.truncate(0)
    usage, _ = play(model, bundle, tokens, tokens[:1])
    return usage.prefill_ms / 1000


def quote_speed(
    model: Model,
    bundle: Bundle,
    prompt: Sequence[int],
    answer: Sequence[int],
    max_draft_tokens: int = MAX_DRAFT_TOKENS,
) -> float:
    """Return tokens a second of a recorded answer, after its first token.

    Raises RuntimeError where another text comes out than was recorded.
    """
    usage, text = play(model, bundle, prompt, answer, max_draft_tokens)
    if text != bundle.tokenizer.decode(answer):
        raise RuntimeError("The engine did not give the recorded answer.")
    return usage.decode_tokens_per_second


@contextmanager
def _playing(recorded: Sequence[int]) -> Iterator[None]:
    tokens = iter(recorded)

    class Playing(Sampler):
        def sample(self, logits: NDArray[np.float32], context_ids: Sequence[int]) -> int:
            super().sample(logits, context_ids)
            return next(tokens)

    def player(params: SamplingParams) -> Sampler:
        return Playing(params)

    with patch.object(generation, "Sampler", player):
        yield
