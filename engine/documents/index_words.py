"""What of texts goes into the index, for many texts at once.

The words are those of engine.documents.words. Found with arrays over all characters, they cost
a fifth of the time: a large library is read in minutes instead of an hour.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from engine.documents.characters import SPACE, UNSPACED, FoldedTexts, as_text, fold_texts
from engine.documents.words import stems_of

_CODE_BITS = 21


def index_words(texts: Iterable[str]) -> list[str]:
    """Return for each text its words, with spaces between them: pairs of characters once each."""
    parts = list(texts)
    if not parts:
        return []
    folded = fold_texts(parts)
    words = folded.spaced_words().split("\0")
    return [
        " ".join((pairs, *stems_of(part.split())))
        for pairs, part in zip(_pairs(folded), words, strict=True)
    ]


def _pairs(texts: FoldedTexts) -> Sequence[str]:
    """Return for each text its pairs of characters, and characters that stand alone."""
    unspaced = texts.kinds == UNSPACED
    before = np.concatenate(([False], unspaced[:-1]))
    after = np.concatenate((unspaced[1:], [False]))
    places = np.flatnonzero(unspaced & (after | ~before))
    second = np.where(after, np.append(texts.codes[1:], SPACE), SPACE)[places]
    keys = texts.texts_at(places)
    for part in (texts.codes[places], second):
        keys = keys << _CODE_BITS | part
    keys.sort()  # several times as fast as np.unique
    keys = keys[np.append(True, keys[1:] != keys[:-1])] if len(keys) else keys
    starts = np.searchsorted(keys, np.arange(len(texts.ends) + 2) << 2 * _CODE_BITS)
    letters = np.full((len(keys), 3), SPACE, np.uint32)
    letters[:, 0] = keys >> _CODE_BITS & (1 << _CODE_BITS) - 1
    letters[:, 1] = keys & (1 << _CODE_BITS) - 1
    text, edges = as_text(letters), (starts * 3).tolist()
    return [text[start:end] for start, end in pairwise(edges)]
