"""A small network that tells from a span's features how well it answers the question.

training/reader.py fits it on people's questions and answers; there is one for each language. It
needs no language model, so it chooses the few spans that the model is then asked about.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.document_prompt import PromptLanguage
from engine.documents.answering.features import NAMES
from engine.documents.answering.sums import Floats

WEIGHTS = Path(__file__).with_name("reader.npz")


@dataclass(frozen=True)
class Reader:
    """The weights of one language."""

    hidden: Floats
    """[NAMES, hidden units]."""
    hidden_bias: Floats
    output: Floats
    """[hidden units]."""
    judging: Floats
    """Weights of `judge`, the constant last; [5]."""
    model_weight: float
    """Of ln p by the language model, beside that of the reader."""
    prior_weight: float
    """Of ln p without the passage, which is taken off."""

    def score(self, values: Floats) -> Floats:
        """Return how well each span answers, [spans]; only differences mean something."""
        active = np.maximum(values @ self.hidden + self.hidden_bias, 0)
        scores: Floats = active @ self.output
        return scores

    def judge(self, signs: NDArray[np.float64]) -> float:
        """Return the probability, 0 to 1, that the best span answers (signs: see extraction)."""
        odds = float(signs @ self.judging[:-1] + self.judging[-1])
        return float(1 / (1 + np.exp(-odds)))


@cache
def reader(language: PromptLanguage) -> Reader:
    """Return the reader of a language."""
    with np.load(WEIGHTS, allow_pickle=False) as file:
        if tuple(file["names"]) != NAMES:
            raise ValueError("reader.npz was fitted to other features: run training.reader")
        weights = {
            name: file[f"{language}_{name}"]
            for name in ("hidden", "hidden_bias", "output", "judging", "weights")
        }
    model_weight, prior_weight = weights.pop("weights")
    return Reader(**weights, model_weight=float(model_weight), prior_weight=float(prior_weight))
