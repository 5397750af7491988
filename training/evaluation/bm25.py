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
        self._damping = _K1 * (1 - _B + _B * lengths / max(1.0, lengths.mean()))
        self._postings: dict[str, list[tuple[int, int]]] = {}
        for index, count in enumerate(counts):
            for term, frequency in count.items():
                self._postings.setdefault(term, []).append((index, frequency))

    def ranking(self, query: str) -> NDArray[np.intp]:
        """Return the indices of all texts, best first; equally good ones in their order."""
        scores = np.zeros(len(self._damping))
        for term in set(terms(query)):
            postings = self._postings.get(term)
            if postings is None:
                continue
            found, frequencies = np.array(postings).T
            rarity = math.log1p((len(scores) - len(found) + 0.5) / (len(found) + 0.5))
            scores[found] += rarity * frequencies * (_K1 + 1) / (frequencies + self._damping[found])
        return np.argsort(-scores, kind="stable")
