"""A bundle that answers, through the engine that the application runs."""

from itertools import pairwise
from pathlib import Path

import numpy as np

from engine.bundle import open_bundle
from engine.events import Token
from engine.generation import generate
from engine.model import Model
from engine.sampling import SamplingParams


class BundleRunner:
    """A bundle. Raises BundleError if it cannot be opened."""

    def __init__(self, path: Path) -> None:
        self._bundle = open_bundle(path)
        self._model = Model(self._bundle)
        self.tokenizer = self._bundle.tokenizer
        self.chat_template = self._bundle.chat_template
        self.context_length = self._model.context_length

    def complete(self, prompt: list[int], max_new_tokens: int) -> str:
        """See runner.Runner."""
        params = SamplingParams(temperature=0, max_new_tokens=max_new_tokens)
        events = generate(self._model, self._bundle, prompt, params)
        return "".join(event.text for event in events if isinstance(event, Token))

    def nats(self, token_ids: list[int]) -> float:
        """See runner.Runner. The engine returns the last logits only, so token by token."""
        self._model.truncate(0)
        total = 0.0
        for token, target in pairwise(token_ids):
            logits = self._model.forward([token]).astype(np.float64)
            total += np.logaddexp.reduce(logits) - logits[target]
        return float(total)
