"""What of a text goes into the index: stems of words, and pairs of characters in Chinese.

As in the search over conversations, case, accents and width do not matter, and a run of Chinese
is seen as its overlapping pairs. Words so common that they tell passages apart from nothing are
left out.
"""

from collections.abc import Iterable
from operator import add

from Stemmer import Stemmer

from engine.search_text import FIRST_UNSPACED, RUN, TERM, fold

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


stem_of = _STEMS.__getitem__
"""Returns what the index knows a folded word as; "" if it is too common."""


def stems_of(words: Iterable[str]) -> Iterable[str]:
    """Return once each what the index knows folded words as that are written with spaces."""
    stems = dict.fromkeys(map(stem_of, words))
    stems.pop("", None)
    return stems
