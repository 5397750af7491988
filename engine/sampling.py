"""From logits to the next token: what a user may set, and how a token is drawn.

The order is that of Hugging Face's processors: repetition penalty (Keskar et al. 2019),
temperature, top_k, top_p (Holtzman et al. 2019), min_p (Nguyen et al. 2024).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.sampling_params import REPETITION_WINDOW
from engine.sampling_params import GenerationDefaults as GenerationDefaults
from engine.sampling_params import SamplingParams as SamplingParams

_FIRST_NUCLEUS_GUESS = 64
_COLUMNS = 1024  # of a vocabulary laid out in rows, in the search for the largest


class Sampler:
    """Draws the tokens of one answer; the seed in `params` makes it reproducible."""

    def __init__(self, params: SamplingParams) -> None:
        self._params = params
        self._random = np.random.default_rng(params.seed)
        self._scratch = np.empty(0, np.float32)

    def sample(self, logits: NDArray[np.float32], context_ids: Sequence[int]) -> int:
        """Return the next token id.

        `logits` is [vocab_size] and is left as it is; `context_ids` are the tokens that the
        repetition penalty looks at, oldest first.
        """
        params = self._params
        if params.temperature == 0:
            return int(self._penalised(logits, context_ids).argmax())
        ids, probabilities = self.distribution(logits, context_ids)
        cumulative = probabilities.cumsum()
        drawn = int(cumulative.searchsorted(self._random.random() * cumulative[-1], side="right"))
        # Rounding may put the draw on the very end.
        return int(ids[min(drawn, len(ids) - 1)])

    def distribution(
        self, logits: NDArray[np.float32], context_ids: Sequence[int]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the candidates and their probabilities, which sum to 1.

        The temperature must be above 0.
        """
        params = self._params
        logits = self._penalised(logits, context_ids)
        if 0 < params.top_k < len(logits):
            ids = _largest(logits, params.top_k)
            logits = logits[ids]
        else:
            ids = np.arange(len(logits))
        scaled = (logits.astype(np.float64) - logits.max()) / params.temperature
        probabilities = np.exp(scaled)
        probabilities /= probabilities.sum()
        likeliest = probabilities.max()
        if params.top_p < 1:
            kept = _nucleus(probabilities, params.top_p)
            ids, probabilities = ids[kept], probabilities[kept]
        if params.min_p > 0:
            kept = np.flatnonzero(probabilities >= params.min_p * likeliest)
            ids, probabilities = ids[kept], probabilities[kept]
        return ids, probabilities / probabilities.sum()

    def _penalised(
        self, logits: NDArray[np.float32], context_ids: Sequence[int]
    ) -> NDArray[np.float32]:
        penalty = self._params.repetition_penalty
        if penalty == 1 or not context_ids:
            return logits
        recent = np.unique(np.asarray(context_ids[-REPETITION_WINDOW:], dtype=np.int64))
        # A fresh array of this size would cost more than everything else here.
        if self._scratch.shape != logits.shape:
            self._scratch = np.empty_like(logits)
        self._scratch[:] = logits
        values = logits[recent]
        self._scratch[recent] = np.where(values > 0, values / penalty, values * penalty)
        return self._scratch


def _largest(values: NDArray[np.floating[Any]], count: int) -> NDArray[np.int64]:
    """Return the indices of the `count` largest entries, in their order.

    The entries at least as large as the `count` largest columns' maxima hold them all: so one
    pass over the vocabulary leaves few to choose from.
    """
    size = len(values)
    rows = size // _COLUMNS
    if count < _COLUMNS and rows > 1:
        maxima = values[: rows * _COLUMNS].reshape(rows, _COLUMNS).max(axis=0)
        least = np.partition(maxima, _COLUMNS - count)[_COLUMNS - count]
        candidates = np.flatnonzero(values >= least)
        values = values[candidates]
    else:
        candidates = np.arange(size)
    chosen = values.argpartition(len(values) - count)[len(values) - count :]
    return np.sort(candidates[chosen])


def _nucleus(probabilities: NDArray[np.float64], top_p: float) -> NDArray[np.int64]:
    """Return the indices of the fewest likeliest entries that sum to at least `top_p`.

    Sorts only as many entries as it needs, not the vocabulary.
    """
    size = len(probabilities)
    guess = _FIRST_NUCLEUS_GUESS
    while True:
        guess = min(guess, size)
        head = _largest(probabilities, guess)
        head = head[probabilities[head].argsort(kind="stable")[::-1]]
        cumulative = probabilities[head].cumsum()
        if cumulative[-1] >= top_p or guess == size:
            return head[: int(cumulative.searchsorted(top_p)) + 1]
        guess *= 8
