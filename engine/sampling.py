"""From logits to the next token: what a user may set, and how a token is drawn.

The order is that of Hugging Face's processors: repetition penalty (Keskar et al. 2019),
temperature, top_k, top_p (Holtzman et al. 2019), min_p (Nguyen et al. 2024).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import GenerationError

REPETITION_WINDOW = 256
"""The repetition penalty looks at so many of the latest tokens: a few paragraphs, so that a
long conversation does not forbid its own common words."""

BOUNDS = {
    "temperature": (0.0, 10.0),
    "top_k": (0, 1_000_000),
    "top_p": (0.0, 1.0),
    "min_p": (0.0, 1.0),
    "repetition_penalty": (0.1, 10.0),
    "max_new_tokens": (1, 1_000_000),
    "seed": (0, 2**64 - 1),
}
_WHOLE_NUMBERS = ("top_k", "max_new_tokens", "seed")
_FIRST_NUCLEUS_GUESS = 64


@dataclass(frozen=True, kw_only=True)
class SamplingParams:
    """How to draw the tokens of one answer. Raises GenerationError for values out of range."""

    temperature: float = 1.0
    """0 to 10; 0 is greedy."""
    top_k: int = 0
    """Keep the k likeliest tokens; 0 keeps all."""
    top_p: float = 1.0
    """Keep the smallest set of likeliest tokens that holds this share of the probability."""
    min_p: float = 0.0
    """Keep tokens at least this likely, relative to the likeliest."""
    repetition_penalty: float = 1.0
    """0.1 to 10; above 1, tokens among the last REPETITION_WINDOW become less likely."""
    max_new_tokens: int = 512
    seed: int | None = None
    """The same seed gives the same answer; None draws a fresh one."""

    def __post_init__(self) -> None:
        for name, (low, high) in BOUNDS.items():
            value = getattr(self, name)
            if name == "seed" and value is None:
                continue
            kinds = int if name in _WHOLE_NUMBERS else (int, float)
            if isinstance(value, bool) or not isinstance(value, kinds):
                raise GenerationError(
                    "{name} must be a number, not {value}.", name=name, value=value
                )
            # Written so that NaN fails, too.
            if not low <= value <= high:
                raise GenerationError(
                    "{name} must be between {low} and {high}, not {value}.",
                    name=name,
                    low=low,
                    high=high,
                    value=value,
                )


SamplingChanges = Mapping[str, int | float | None]
"""Some of SamplingParams' fields by name; the others, and None, are as the model recommends."""


@dataclass(frozen=True, kw_only=True)
class GenerationDefaults:
    """What a bundle's generation_config.json recommends, and where its answers end."""

    temperature: float
    top_k: int
    top_p: float
    min_p: float
    repetition_penalty: float
    max_new_tokens: int
    eos_token_ids: tuple[int, ...]

    def params(self, **changes: Any) -> SamplingParams:
        """Return these settings with some of SamplingParams' fields changed; None changes nothing.

        Raises GenerationError for values out of range.
        """
        values = asdict(self)
        del values["eos_token_ids"]
        values |= {name: value for name, value in changes.items() if value is not None}
        return SamplingParams(**values)


class Sampler:
    """Draws the tokens of one answer; the seed in `params` makes it reproducible."""

    def __init__(self, params: SamplingParams) -> None:
        self._params = params
        self._random = np.random.default_rng(params.seed)

    def sample(self, logits: NDArray[np.float32], context_ids: Sequence[int]) -> int:
        """Return the next token id.

        `logits` is [vocab_size] and is left as it is; `context_ids` are the tokens that the
        repetition penalty looks at, oldest first.
        """
        params = self._params
        if params.temperature == 0:
            return int(_penalised(logits, context_ids, params.repetition_penalty).argmax())
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
        logits = _penalised(logits, context_ids, params.repetition_penalty)
        ids = np.arange(len(logits))
        if 0 < params.top_k < len(logits):
            ids = logits.argpartition(-params.top_k)[-params.top_k :]
            logits = logits[ids]
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
    logits: NDArray[np.float32], context_ids: Sequence[int], penalty: float
) -> NDArray[np.float32]:
    if penalty == 1 or not context_ids:
        return logits
    recent = np.unique(np.asarray(context_ids[-REPETITION_WINDOW:], dtype=np.int64))
    logits = logits.copy()
    values = logits[recent]
    logits[recent] = np.where(values > 0, values / penalty, values * penalty)
    return logits


def _nucleus(probabilities: NDArray[np.float64], top_p: float) -> NDArray[np.int64]:
    """Return the indices of the fewest likeliest entries that sum to at least `top_p`.

    Sorts only as many entries as it needs, not the vocabulary.
    """
    size = len(probabilities)
    guess = _FIRST_NUCLEUS_GUESS
    while True:
        guess = min(guess, size)
        head = probabilities.argpartition(size - guess)[size - guess :]
        head = head[probabilities[head].argsort(kind="stable")[::-1]]
        cumulative = probabilities[head].cumsum()
        if cumulative[-1] >= top_p or guess == size:
            return head[: int(cumulative.searchsorted(top_p)) + 1]
        guess *= 8
