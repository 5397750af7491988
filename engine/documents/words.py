"""What of a text goes into the index: stems of words, and pairs of characters in Chinese.

As in the search over conversations, case, accents and width do not matter, and a run of Chinese
is seen as its overlapping pairs. Words so common that they tell passages apart from nothing are
left out.
"""

from collections.abc import Iterable
from operator import add

from Stemmer import Stemmer

from engine.search_text import FIRST_UNSPACED, RUN, TERM, WORD, fold

_COMMON_TEXT = """
    a an and are as at be been but by can could did do does for from had has have he her his how i
    if in into is it its me my no not of on or our she should so such than that the their them then
    there these they this those to us was we were what when where which who whom whose why will
    with would you your
"""
_COMMON = frozenset(_COMMON_TEXT.split())
# Without its own cache, which costs more than it saves beside ours.
_STEMMER = Stemmer("english", 0)


class _Stems(dict[str, str]):
    """The stem of each word, found once; "" for one that is too common."""

    _LIMIT = 200_000

    def __missing__(self, word: str) -> str:
        if len(self) >= self._LIMIT:
            self.clear()
        stem: str
        if word in _COMMON:
            stem = ""
        elif word.isascii() and word.isalpha():
            stem = _STEMMER.stemWord(word)
        else:
            stem = word
        self[word] = stem
        return stem


_STEMS = _Stems()


def words_of(text: str) -> list[str]:
    """Return the words of a text in their order, as the index knows them."""
    words: list[str] = []
    for term in TERM.findall(fold(text)):
        if term[0] < FIRST_UNSPACED or not RUN.match(term):
            if stem := _STEMS[term]:
                words.append(stem)
        elif len(term) == 1:
            words.append(term)
        else:
            words.extend(map(add, term, term[1:]))
    return words


def stems_of(words: Iterable[str]) -> Iterable[str]:
    """Return once each what the index knows folded words as that are written with spaces."""
    stems = dict.fromkeys(map(_STEMS.__getitem__, words))
    stems.pop("", None)
    return stems


class WordFinder:
    """Finds given words in texts, as the index knows them."""

    def __init__(self, words: Iterable[str]) -> None:
        wanted = set(words)
        self._runs = [word for word in wanted if RUN.match(word)]
        self._stems = wanted.difference(self._runs)

    def places(self, text: str) -> dict[str, list[int]]:
        """Return where each word begins that `text` holds, in characters of the folded text."""
        folded = fold(text)
        places = {word: at for word in self._runs if (at := _places(folded, word))}
        if self._stems:
            for match in WORD.finditer(folded):
                if (stem := _STEMS[match[0]]) in self._stems:
                    places.setdefault(stem, []).append(match.start())
        return places


def _places(text: str, part: str) -> list[int]:
    places = []
    place = text.find(part)
    while place >= 0:
        places.append(place)
        place = text.find(part, place + 1)
    return places
