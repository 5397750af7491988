"""One vector for each word of a text, read in the light of a question, by a small network.

What a word means, what kind it is and how rare it is comes first; then what the question says that
is nearest to it (attention); then the words around it (convolutions). training/reader_network.py
is the same network in torch, and learns it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.documents.answering.features import Scene, Spans
from engine.documents.answering.sums import Floats
from engine.documents.answering.vectors import word_vectors
from engine.documents.answering.words import KIND

WEIGHTS_OF_WORD = 3
"""Whether the question names it, how much that weighs, and how much it would weigh."""
MEANING_SCALE = 3.0
"""Of the words' vectors, whose length is 1: so their numbers are about as large as the others."""
_WEIGHT_SCALE = 0.25
_EPSILON = 1e-5


@dataclass(frozen=True)
class WordRow:
    """The words of a question, or of several sentences one behind the other; at least one."""

    places: NDArray[np.intp]
    """Where their vectors are (see WordVectors.places), [words]."""
    kinds: NDArray[np.intp]
    """[words]."""
    weights: Floats
    """[words, WEIGHTS_OF_WORD]; zeros in a question."""


def question_row(scene: Scene) -> WordRow:
    """Return the words of the scene's question."""
    question = scene.question
    stems, kinds = question.stems or ("",), question.kinds or (KIND["edge"],)
    return WordRow(
        places=word_vectors(question.language).places(stems),
        kinds=np.array(kinds, np.intp),
        weights=np.zeros((len(stems), WEIGHTS_OF_WORD), np.float32),
    )


def text_row(scene: Scene, spans: Spans) -> tuple[WordRow, NDArray[np.intp]]:
    """Return the words of the sentences with spans, and each span's ends among them.

    The ends are its first and its last word, [spans, 2].
    """
    chosen = np.unique(spans.sentence).tolist()
    lengths = [len(scene.stems[number]) for number in chosen]
    begins = np.cumsum([0, *lengths])[np.searchsorted(chosen, spans.sentence)]
    matched = np.concatenate([scene.matched[number] for number in chosen])
    content = np.concatenate([scene.content[number] for number in chosen])
    named = (matched > 0).astype(np.float32)
    row = WordRow(
        places=word_vectors(scene.question.language).places(
            [stem for number in chosen for stem in scene.stems[number]]
        ),
        kinds=np.concatenate([scene.sentences[number].kinds for number in chosen]),
        weights=np.column_stack([named, matched * _WEIGHT_SCALE, content * _WEIGHT_SCALE]),
    )
    return row, np.column_stack([begins + spans.first, begins + spans.end - 1])


class Encoder:
    """The network with the weights of one language."""

    def __init__(self, weights: Mapping[str, Floats], vectors: Floats) -> None:
        """Take the weights, named and shaped as in torch, and the words' vectors (WordVectors)."""
        self._weights = weights
        self._meanings = vectors * np.float32(MEANING_SCALE)
        self._layers = sum(name.startswith("layers.") and "weight" in name for name in weights)

    def read(self, question: WordRow, text: WordRow) -> tuple[Floats, Floats]:
        """Return a vector for each word of `text`, [words, size], and the question's, [size]."""
        asked = self._enter(question)
        asked = asked + _positive(self._around(asked, "asking"))
        words = self._enter(text)
        likeness = self._linear(words, "query") @ self._linear(asked, "key").T
        nearest = _shares(likeness / np.sqrt(words.shape[1])) @ asked
        topic: Floats = _shares(self._linear(asked, "pooling")[:, 0]) @ asked
        both = np.concatenate([words, nearest, words * nearest], axis=1)
        states = _positive(self._linear(both, "joining") + self._linear(topic, "topic"))
        for layer in range(self._layers):
            normal = self._normal(states, f"norms.{layer}")
            states = states + _positive(self._around(normal, f"layers.{layer}"))
        return self._normal(states, "last_norm"), topic

    def _enter(self, row: WordRow) -> Floats:
        kinds = self._weights["kinds.weight"][row.kinds]
        parts = [self._meanings[row.places], kinds, row.weights]
        return _positive(self._linear(np.concatenate(parts, axis=1), "entry"))

    def _linear(self, values: Floats, name: str) -> Floats:
        return values @ self._weights[f"{name}.weight"].T + self._weights.get(f"{name}.bias", 0.0)

    def _around(self, values: Floats, name: str) -> Floats:
        """Convolve over the words, [words, size], with nothing beyond the ends."""
        weight = self._weights[f"{name}.weight"]  # [to, from, width]
        beside = weight.shape[2] // 2
        padded = np.pad(values, ((beside, beside), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[2], axis=0)
        flat = windows.reshape(len(values), -1)
        result: Floats = flat @ weight.reshape(len(weight), -1).T + self._weights[f"{name}.bias"]
        return result

    def _normal(self, values: Floats, name: str) -> Floats:
        centred = values - values.mean(1, keepdims=True)
        spread = np.sqrt(np.square(centred).mean(1, keepdims=True) + _EPSILON)
        normal = centred / spread
        result: Floats = normal * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return result


def _positive(values: Floats) -> Floats:
    return np.maximum(values, 0)


def _shares(values: Floats) -> Floats:
    """Return the softmax over the last axis."""
    powers = np.exp(values - values.max(-1, keepdims=True))
    shares: Floats = powers / powers.sum(-1, keepdims=True)
    return shares
