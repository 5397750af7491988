"""Random tokens that come twice: what the stage `prepretrain` learns from.

Whoever predicts the second time has to look up what followed the first time: the circuit
(induction heads, Olsson et al. 2022) that copying from a passage rests on.
"""

import numpy as np

from engine.config import ModelConfig
from training.random_tokens import ordinary_tokens

_FEWEST, _MOST = 8, 40
"""Tokens that come twice."""


class Repetition:
    """Makes such documents; the second time is what counts."""

    def __init__(self, config: ModelConfig) -> None:
        self._bos_token_id = config.bos_token_id
        self._vocabulary = ordinary_tokens(config)

    def __call__(self, generator: np.random.Generator) -> tuple[list[int], list[bool]]:
        """Return a document's tokens, and which of them count as targets."""
        count = int(generator.integers(_FEWEST, _MOST, endpoint=True))
        tokens = generator.choice(self._vocabulary, count).tolist()
        # Nothing says that the second time begins.
        counted = [False] * (count + 2) + [True] * (count - 1)
        return [self._bos_token_id, *tokens, *tokens], counted
