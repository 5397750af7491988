"""Vectors of words: words that stand among the same other words have alike ones.

training/word_vectors.py computes them from text; there are some thousand of each language.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.document_prompt import PromptLanguage
from engine.documents.answering.sums import Floats

VECTORS = Path(__file__).with_name("vectors.npz")


class WordVectors:
    """The vectors of one language, each of length 1."""

    def __init__(self, words: Sequence[str], values: NDArray[np.int8]) -> None:
        """Take the stems of `words` and their `values` [words, size], whose length counts not."""
        self._place = {word: place for place, word in enumerate(words)}
        vectors = values.astype(np.float32)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
        # The last one is nothing, and stands for words that are not known.
        self.all: Floats = np.vstack([vectors, np.zeros((1, vectors.shape[1]), np.float32)])
        """[words + 1, size]."""

    def of(self, stems: Sequence[str]) -> Floats:
        """Return the vector of each stem, zeros where it is not known; [stems, size]."""
        vectors: Floats = self.all[self.places(stems)]
        return vectors

    def places(self, stems: Sequence[str]) -> NDArray[np.intp]:
        """Return the place of each stem among the words, their number where it is not known.

        A Chinese word that is not known is taken for its end, which says what kind of thing it
        is: 足球运动员 for 运动员.
        """
        return np.array([self._place_of(one) for one in stems], np.intp)

    def _place_of(self, word: str) -> int:
        unknown = len(self._place)
        if word in self._place or word.isascii():
            return self._place.get(word, unknown)
        ends = (word[first:] for first in range(1, len(word)))
        return next((self._place[end] for end in ends if end in self._place), unknown)


@cache
def word_vectors(language: PromptLanguage) -> WordVectors:
    """Return the vectors of a language."""
    with np.load(VECTORS, allow_pickle=False) as file:
        words = bytes(file[f"{language}_words"]).decode("utf-8").split("\n")
        return WordVectors(words, file[f"{language}_values"])
