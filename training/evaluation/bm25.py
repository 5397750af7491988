"""BM25 over words and Chinese character pairs (Robertson & Zaragoza 2009)."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from training.evaluation.language import HAN_OR_WORD, HAN_RUN

_K1 = 1.2
_B = 0.75


def terms(text: str) -> Iterator[str]:
    """Yield words in lower case, and each pair of neighbouring Chinese characters."""
    for run in HAN_OR_WORD.findall(text.lower()):
        if len(run) > 1 and HAN_RUN.fullmatch(run):
            yield from (run[i : i + 2] for i in range(len(run) - 1))
        else:
            yield run


class BM25:
    """An index of `texts`."""

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [Counter(terms(text)) for text in texts]
        lengths = np.array([count.total() for count in counts], np.float64)
        damping = _K1 * (1 - _B + _B * lengths / max(1.0, lengths.mean()))
        postings: dict[str, list[tuple[int, int]]] = {}
        for index, count in enumerate(counts):
            for term, frequency in count.items():
                postings.setdefault(term, []).append((index, frequency))
        self._count = len(texts)
        self._worth: dict[str, tuple[NDArray[np.intp], NDArray[np.float64]]] = {}
        """Of each term the texts that hold it, and what it adds to their scores."""
        for term, places in postings.items():
            found, frequencies = np.array(places, np.intp).T
            rarity = math.log1p((len(texts) - len(found) + 0.5) / (len(found) + 0.5))
            share = frequencies * (_K1 + 1) / (frequencies + damping[found])
            self._worth[term] = found, rarity * share

    def ranking(self, query: str) -> NDArray[np.intp]:
        """Return the indices of all texts, best first; equally good ones in their order."""
        scores = np.zeros(self._count)
        for term in dict.fromkeys(terms(query)):
            if term in self._worth:
                found, worth = self._worth[term]
                scores[found] += worth
        return np.argsort(-scores, kind="stable")
