"""Random tokens that come twice: what the stage `prepretrain` learns from.

Whoever predicts the second time has to look up what followed the first time: the circuit
(induction heads, Olsson et al. 2022) that copying from a passage rests on.
"""

import numpy as np

from engine.config import ModelConfig
from training.made_passages import log_uniform, several_times
from training.random_tokens import ordinary_tokens

_FEWEST = 8
"""Tokens that come twice."""
_KNOWN_AFTER = 3
"""So many tokens in a row have one place among repeated ones, most often."""


class Repetition:
    """Makes such documents of up to `most` tokens, most of them few; the second time counts.

    With `repeated` each token comes several times each time: several in a row are to be looked up
    (n-gram induction), as in text, and what counts begins behind so many.
    """

    def __init__(self, config: ModelConfig, most: int = 40, *, repeated: bool = False) -> None:
        self._bos_token_id = config.bos_token_id
        self._vocabulary = ordinary_tokens(config)
        self._most, self._repeated = most, repeated

    def __call__(self, generator: np.random.Generator) -> tuple[list[int], list[bool]]:
        """Return a document's tokens, and which of them count as targets."""
        tokens = generator.choice(
            self._vocabulary, log_uniform(_FEWEST, self._most, generator)
        ).tolist()
        if self._repeated:
            tokens = several_times(tokens, generator)
        # Nothing says that the second time begins.
        known = _KNOWN_AFTER if self._repeated else 1
        counted = [False] * (len(tokens) + 1 + known) + [True] * (len(tokens) - known)
        return [self._bos_token_id, *tokens, *tokens], counted
