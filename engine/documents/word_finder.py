"""Where given words stand in texts, for many texts at once."""

from collections.abc import Iterable, Sequence

import numpy as np

from engine.documents.characters import SPACED, FoldedTexts, Places, fold_texts
from engine.documents.words import stem_of
from engine.search_text import RUN

Found = dict[str, list[int]]
"""Where each word that a text holds begins, in characters of the folded text, in rising order."""


class WordFinder:
    """Finds words as engine.documents.words knows them."""

    def __init__(self, words: Iterable[str]) -> None:
        wanted = set(words)
        self._runs = {word for word in wanted if RUN.match(word)}
        self._stems = wanted - self._runs

    def places(self, texts: Sequence[str]) -> list[Found]:
        """Return for each text what it holds."""
        folded = fold_texts(texts)
        starts = np.concatenate(([0], folded.ends + 1))
        found: list[Found] = [{} for _ in texts]
        for word, places in self._all_places(folded):
            of_texts = folded.texts_at(places)
            inside = places - starts[of_texts]
            for text, place in zip(of_texts.tolist(), inside.tolist(), strict=True):
                found[text].setdefault(word, []).append(place)
        return found

    def _all_places(self, folded: FoldedTexts) -> Iterable[tuple[str, Places]]:
        for word in self._runs:
            codes = folded.codes
            is_here = codes[: len(codes) - len(word) + 1] == ord(word[0])
            for offset, character in enumerate(word[1:], 1):
                is_here = is_here & (codes[offset : offset + len(is_here)] == ord(character))
            yield word, np.flatnonzero(is_here)
        yield from self._stem_places(folded)

    def _stem_places(self, folded: FoldedTexts) -> Iterable[tuple[str, Places]]:
        if not self._stems:
            return
        is_word = folded.kinds == SPACED
        begins = np.flatnonzero(is_word & ~np.concatenate(([False], is_word[:-1])))
        words = folded.spaced_words().replace("\0", " ").split()
        forms = {word for word in set(words) if stem_of(word) in self._stems}
        held: dict[str, list[int]] = {}
        for number, word in [pair for pair in enumerate(words) if pair[1] in forms]:
            held.setdefault(stem_of(word), []).append(number)
        for stem, numbers in held.items():
            yield stem, begins[numbers]
