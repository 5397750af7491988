"""Questions about random tokens: what the stage `lookup` learns from.

A passage is random words of one to three random tokens, a question some of them in a row with a gap
behind or between them, and the answer is what stands in the gap. Answering takes one step more than
repeating: what the question holds has to be brought to where the answer begins before it can be
looked up. Only an answer's first token counts: the others are repeated.

Gaps, marks and the ends of turns are those of conversations: text is to change nothing but words.
"""

from itertools import chain

import numpy as np

from engine.config import ModelConfig
from engine.tokenizer import BaseTokenizer
from training.gap_questions import gap_questions
from training.made_passages import log_uniform, several_times
from training.random_tokens import ordinary_tokens

_FEWEST_WORDS = 8
"""Of a passage."""
_LENGTHS = (1, 1, 1, 2, 3)
"""Tokens of a word: each as likely."""
_GAPS = ("____", " ____", "……", "...", " ...", "什么", "谁", "哪里", "what", " what", " who")
_MARKS = ("", "", "?", "？")
"""Behind a question: each as likely."""


class Lookups:
    """Makes such conversations; the answers are what counts.

    Passages have up to `most_words`, most of them few; in half of them words come several times,
    so that what stands beside the gap is found by several. `plain` ones have words and gaps of
    one token, each word once, and no marks.
    """

    def __init__(
        self,
        config: ModelConfig,
        tokenizer: BaseTokenizer,
        most_words: int,
        *,
        plain: bool = False,
    ) -> None:
        control = tokenizer.control_tokens
        self._bos, self._eos = config.bos_token_id, config.eos_token_id
        self._user, self._assistant = control["<|user|>"], control["<|assistant|>"]
        self._plain = plain
        self._lengths = _LENGTHS[:1] if plain else _LENGTHS
        self._gaps = [tokenizer.encode(gap)[-1 if plain else 0 :] for gap in _GAPS]
        self._marks = [tokenizer.encode(mark) for mark in (_MARKS[:1] if plain else _MARKS)]
        self._line_end = tokenizer.encode("\n")
        taken = chain(control.values(), self._line_end, *self._gaps, *self._marks)
        self._vocabulary = np.setdiff1d(ordinary_tokens(config), list(taken))
        # No token comes twice, unless a word does.
        self._most_words = min(most_words, len(self._vocabulary) // max(self._lengths))

    def __call__(self, generator: np.random.Generator) -> tuple[list[int], list[bool]]:
        """Return a conversation's tokens, and which of them count as targets."""
        count = log_uniform(_FEWEST_WORDS, self._most_words, generator)
        lengths = generator.choice(self._lengths, count)
        tokens = generator.choice(self._vocabulary, int(lengths.sum()), replace=False)
        words = [word.tolist() for word in np.split(tokens, np.cumsum(lengths)[:-1])]
        repeats = not self._plain and generator.integers(2)
        passage = several_times(words, generator) if repeats else words
        ids = [self._bos, self._user, *chain(*passage), *self._line_end]
        counts = [False] * len(ids)
        for number, (question, answer) in enumerate(gap_questions(passage, self._gaps, generator)):
            mark = self._marks[int(generator.integers(len(self._marks)))]
            ids += [self._user] * (number > 0) + [*chain(*question), *mark, self._assistant]
            counts += [False] * (len(ids) - len(counts)) + [True] + [False] * len(answer)
            ids += [*answer, self._eos]
        return ids, counts
