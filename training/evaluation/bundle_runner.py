"""A bundle that answers, through the engine that the application runs."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.bundle import open_bundle
from engine.events import Token
from engine.generation import PREFILL_CHUNK, generate
from engine.model import Model
from engine.sampling import SamplingParams


class BundleRunner:
    """A bundle. Raises BundleError if it cannot be opened."""

    def __init__(self, path: Path) -> None:
        self.bundle = open_bundle(path)
        self.model = Model(self.bundle)
        self.tokenizer = self.bundle.tokenizer
        self.chat_template = self.bundle.chat_template
        self.context_length = self.model.context_length

    def complete(self, prompt: list[int], max_new_tokens: int) -> str:
        """See runner.Runner."""
        params = SamplingParams(temperature=0, max_new_tokens=max_new_tokens)
        events = generate(self.model, self.bundle, prompt, params)
        return "".join(event.text for event in events if isinstance(event, Token))

    def log_probabilities(self, token_ids: list[int], count: int) -> NDArray[np.float32]:
        """See runner.Runner.

        Token by token, as an answer is written, where several at once would be others.
        """
        model, first = self.model, len(token_ids) - count
        model.reuse(token_ids[:first])
        while model.length < first:
            end = min(model.length + PREFILL_CHUNK, first)
            model.forward(token_ids[model.length : end])
        at_once = PREFILL_CHUNK if model.verifies_drafts else 1
        starts = range(first, len(token_ids), at_once)
        return np.concatenate(
            [_log_softmax(model.forward_all(token_ids[i : i + at_once])) for i in starts]
        )


def _log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ln p [rows, vocab_size], computed in float64."""
    wide = logits.astype(np.float64)
    wide -= wide.max(-1, keepdims=True)
    wide -= np.log(np.exp(wide).sum(-1, keepdims=True))
    return wide.astype(np.float32)
