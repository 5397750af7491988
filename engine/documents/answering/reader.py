"""A small network that tells how well a span answers a question, by its looks and its words.

training/reader.py fits it on people's questions and answers; there is one for each language. It
needs no language model, so it chooses the few spans that the model is then asked about.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.document_prompt import PromptLanguage
from engine.documents.answering.encoder import Encoder, question_row, text_row
from engine.documents.answering.features import NAMES, Scene, Spans
from engine.documents.answering.sums import Floats
from engine.documents.answering.vectors import word_vectors

WEIGHTS = Path(__file__).with_name("reader.npz")
_ENCODER = "encoder."


@dataclass(frozen=True)
class Head:
    """What makes a score of a span's features, and of the vectors of its first and last word."""

    features: Floats
    """[hidden units, NAMES]."""
    bias: Floats
    first: Floats
    """[hidden units, size of a word's vector], as the two below."""
    last: Floats
    topic: Floats
    output: Floats
    """[hidden units]."""
    absent: Floats
    """Weights of the question's vector and of the largest of the words', for no answer;
    [hidden units, 2 * size]."""
    absent_bias: Floats
    absent_output: Floats
    """[hidden units]."""


@dataclass(frozen=True)
class Scores:
    """How well spans answer; only differences mean something."""

    spans: Floats
    """[spans]."""
    absent: float
    """How well the passages are said not to hold an answer."""


@dataclass(frozen=True)
class Reader:
    """The weights of one language."""

    encoder: Encoder
    head: Head
    judging: Floats
    """Weights of `judge`, the constant last; [6]."""
    model_weight: float
    """Of ln p by the language model, beside that of the reader."""
    prior_weight: float
    """Of ln p without the passage, which is taken off."""

    def score(self, scene: Scene, spans: Spans) -> Scores:
        """Return how well each span answers."""
        text, ends = text_row(scene, spans)
        words, topic = self.encoder.read(question_row(scene), text)
        head = self.head
        hidden = spans.values @ head.features.T + (head.bias + head.topic @ topic)
        hidden += (words @ head.first.T)[ends[:, 0]]
        hidden += (words @ head.last.T)[ends[:, 1]]
        whole = np.concatenate([topic, words.max(0)])
        absent = np.maximum(head.absent @ whole + head.absent_bias, 0) @ head.absent_output
        return Scores(np.maximum(hidden, 0) @ head.output, float(absent))

    def judge(self, signs: NDArray[np.float64]) -> float:
        """Return the probability, 0 to 1, that the best span answers (signs: see extraction)."""
        odds = float(signs @ self.judging[:-1] + self.judging[-1])
        return float(1 / (1 + np.exp(-odds)))


def make_reader(weights: Mapping[str, NDArray[np.generic]], language: PromptLanguage) -> Reader:
    """Return the reader that has these weights, named as in training/reader_network.py."""
    wide = {name: values.astype(np.float32) for name, values in weights.items()}
    of_encoder = {
        name.removeprefix(_ENCODER): values
        for name, values in wide.items()
        if name.startswith(_ENCODER)
    }
    model_weight, prior_weight = wide["weights"]
    return Reader(
        encoder=Encoder(of_encoder, word_vectors(language).all),
        head=Head(
            features=wide["features.weight"],
            bias=wide["features.bias"],
            first=wide["first.weight"],
            last=wide["last.weight"],
            topic=wide["topic.weight"],
            output=wide["output.weight"][0],
            absent=wide["absent.weight"],
            absent_bias=wide["absent.bias"],
            absent_output=wide["absent_output.weight"][0],
        ),
        judging=wide["judging"],
        model_weight=float(model_weight),
        prior_weight=float(prior_weight),
    )


def read_weights(path: Path, language: PromptLanguage) -> dict[str, NDArray[np.generic]]:
    """Return a language's weights in a reader's file, named as in training/reader_network.py.

    Raises ValueError if they were fitted to other features, or if the file holds none.
    """
    with np.load(path, allow_pickle=False) as file:
        if tuple(file["names"]) != NAMES:
            raise ValueError(f"{path.name} was fitted to other features: run training.reader")
        begin = f"{language}_"
        return {name.removeprefix(begin): file[name] for name in file if name.startswith(begin)}


@cache
def reader(language: PromptLanguage) -> Reader:
    """Return the reader of a language."""
    return make_reader(read_weights(WEIGHTS, language), language)
