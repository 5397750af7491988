"""The spans of a passage that could be an answer: runs of words within one sentence."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.documents.answering.words import KIND, Word, among, is_empty, words_of
from engine.documents.sentences import sentences_of
from engine.search_text import Span

MAX_WORDS = 12
"""Of a span that is neither a clause nor several of them."""
_MAX_CLAUSE_WORDS = 60
_NEVER_FIRST = among("edge", "mark", "close", "conjunction")
_NEVER_LAST = among("edge", "mark", "open", "conjunction", "preposition")
_COUNTED = among("unit", "noun")
_DATES = among("number", "time", "unit")
_BELONG_BEFORE = frozenset(("的", "地", "得", "了", "着", "過", "过"))
"""No span begins with what goes with the word before it, and none ends with what goes with the
word behind it."""
_BELONG_BEHIND = frozenset(("the", "a", "an"))
_CLAUSE_ENDS = among("edge", "mark")

Places = NDArray[np.intp]


@dataclass(frozen=True)
class Sentence:
    """One sentence of a passage, as words."""

    passage: int
    """Which passage, counted from 0."""
    span: Span
    """Where it is in the passage's text."""
    words: tuple[Word, ...]
    """Their places are those in the passage's text."""

    @property
    def kinds(self) -> NDArray[np.intp]:
        """The words' kinds, [words]."""
        return np.array([word.kind for word in self.words], np.intp)


def read_sentences(texts: Sequence[str]) -> list[Sentence]:
    """Return the sentences of several passages, in their order."""
    sentences: list[Sentence] = []
    for number, text in enumerate(texts):
        for start, end in sentences_of(text):
            # Each as its own language: notes have paragraphs in both.
            words = tuple(
                Word(start + word.start, start + word.end, word.text, word.kind)
                for word in words_of(text[start:end])
            )
            if words:
                sentences.append(Sentence(number, (start, end), words))
    return sentences


def candidates(sentence: Sentence) -> tuple[Places, Places]:
    """Return first words and the words after the last one of all spans, each [spans]."""
    kinds = sentence.kinds
    count = len(kinds)
    if count == 0:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    first, last = np.triu_indices(count)
    end = last + 1
    length = end - first
    clause = is_clause(kinds, first, end)
    keep = (length <= MAX_WORDS) | (clause & (length <= _MAX_CLAUSE_WORDS))
    keep &= ~_NEVER_FIRST[kinds][first] & ~_NEVER_LAST[kinds][last]
    keep &= _brackets_match(kinds, first, end)
    keep &= ~_divides_quantity(sentence)[first] & ~_divides_day(sentence)[last]
    keep &= (
        ~_is_any_of(sentence, _BELONG_BEFORE)[first] & ~_is_any_of(sentence, _BELONG_BEHIND)[last]
    )
    says = _before(np.array([not is_empty(word) for word in sentence.words], bool))
    keep &= says[end] > says[first]
    return first[keep], end[keep]


def _is_any_of(sentence: Sentence, texts: frozenset[str]) -> NDArray[np.bool_]:
    return np.array([word.text in texts for word in sentence.words], bool)


def _divides_quantity(sentence: Sentence) -> NDArray[np.bool_]:
    """Return of each word whether it goes on with a quantity or a date that began before it.

    "bar" of "8.5 bar", "十二日" of "五月十二日": alone neither is an answer.
    """
    kinds = sentence.kinds
    before, follows = kinds[:-1], kinds[1:]
    starts = np.array([word.start for word in sentence.words[1:]], np.intp)
    ends = np.array([word.end for word in sentence.words[:-1]], np.intp)
    divides = (before == KIND["number"]) & _COUNTED[follows]
    divides |= _DATES[before] & _DATES[follows] & (starts == ends)
    return np.concatenate([[False], divides])


def _divides_day(sentence: Sentence) -> NDArray[np.bool_]:
    """Return of each word whether it is the day of a month that follows: "12" of "12 May"."""
    kinds = sentence.kinds
    days = (kinds[:-1] == KIND["number"]) & (kinds[1:] == KIND["time"])
    return np.concatenate([days, [False]])


def is_clause(kinds: NDArray[np.intp], first: Places, end: Places) -> NDArray[np.bool_]:
    """Return whether each span reaches from one mark, or an edge, to another; [spans].

    `kinds` [words] are those of its sentence, `first` and `end` [spans] places among them.
    """
    edge = [KIND["edge"]]
    padded = np.concatenate([edge, kinds, edge])
    ends = _CLAUSE_ENDS[padded]
    whole: NDArray[np.bool_] = ends[first] & ends[end + 1]
    return whole


def _brackets_match(kinds: NDArray[np.intp], first: Places, end: Places) -> NDArray[np.bool_]:
    opened = _before(kinds == KIND["open"])
    closed = _before(kinds == KIND["close"])
    whole: NDArray[np.bool_] = (opened[end] - opened[first]) == (closed[end] - closed[first])
    return whole


def _before(flags: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return how many flags are set before each place, [places + 1]."""
    return np.concatenate([[0], np.cumsum(flags)])
