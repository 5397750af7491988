"""Questions about random tokens: what the stage `lookup` learns from.

A passage is random tokens, a question some of them in a row with a gap behind or between them, and
the answer is what stands in the gap. Answering takes one step more than repeating: what the
question holds has to be brought to where the answer begins before it can be looked up.
"""

import numpy as np

from engine.config import ModelConfig
from engine.tokenizer import BaseTokenizer
from training.random_tokens import ordinary_tokens

_PASSAGE = (8, 23)
_QUESTIONS = (6, 11)
"""How many of each: fewest and most."""
_BESIDE = 3
"""At most so many tokens stand before and behind a gap."""
_SHARES = (0.125, 0.125, 0.75)
"""How often a question has no gap, one behind it and one inside: the last is found last."""
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
        places = generator.permutation(np.arange(1, length - 1)).tolist()
        count = int(generator.integers(*_QUESTIONS, endpoint=True))
        for number, place in enumerate(places[:count]):
            question = self._question(passage, place, generator)
            ids += [self._user] * (number > 0) + question + [self._assistant, passage[place]]
            counts += [False] * (len(ids) - len(counts) - 1) + [True]
        return ids, counts

    def _question(
        self, passage: list[int], place: int, generator: np.random.Generator
    ) -> list[int]:
        """Return what asks for the token at `place`, without a gap, behind one or around it."""
        left, right = generator.integers(1, _BESIDE, 2, endpoint=True).tolist()
        before, behind = passage[max(0, place - left) : place], passage[place + 1 :][:right]
        gap = int(generator.choice(self._gaps))
        kinds = (before, [*before, gap], [*before, gap, *behind])
        return kinds[int(generator.choice(len(kinds), p=_SHARES))]
