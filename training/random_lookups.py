"""Questions about random tokens: what the stage `lookup` learns from.

A passage is random tokens, a question some of them in a row with a gap behind or between them, and
the answer is what stands in the gap. Answering takes one step more than repeating: what the
question holds has to be brought to where the answer begins before it can be looked up.
"""

import numpy as np

from engine.config import ModelConfig
from engine.tokenizer import BaseTokenizer
from training.gap_questions import gap_questions
from training.random_tokens import ordinary_tokens

_PASSAGE = (8, 23)
"""Tokens: fewest and most."""
_GAPS = ("____", "……", "...", "什么", "谁", "哪里", "what", "who", "which", "where")
"""The last token of each is a gap."""


class Lookups:
    """Makes such conversations; the answers are what counts."""

    def __init__(self, config: ModelConfig, tokenizer: BaseTokenizer) -> None:
        control = tokenizer.control_tokens
        self._bos, self._user = config.bos_token_id, control["<|user|>"]
        self._assistant = control["<|assistant|>"]
        self._gaps = [tokenizer.encode(gap)[-1] for gap in _GAPS]
        self._line_end = tokenizer.encode("\n")
        marks = [*control.values(), *self._gaps, *self._line_end]
        self._vocabulary = np.setdiff1d(ordinary_tokens(config), marks)

    def __call__(self, generator: np.random.Generator) -> tuple[list[int], list[bool]]:
        """Return a conversation's tokens, and which of them count as targets."""
        length = int(generator.integers(*_PASSAGE, endpoint=True))
        passage = generator.choice(self._vocabulary, length, replace=False).tolist()
        ids = [self._bos, self._user, *passage, *self._line_end]
        counts = [False] * len(ids)
        for number, (question, answer) in enumerate(gap_questions(passage, self._gaps, generator)):
            ids += [self._user] * (number > 0) + [*question, self._assistant, answer]
            counts += [False] * (len(ids) - len(counts) - 1) + [True]
        return ids, counts
