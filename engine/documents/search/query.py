"""What a question asks for: its words, without those that only make it a question."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.documents.words import stem_of, words_of
from engine.search_text import fold

_MAX_CHARACTERS = 1000
_MAX_WORDS = 48
_CONTEXT_WEIGHT = 0.4
_FEW_WORDS = 2
_GLUE_WEIGHT = 0.3
# Characters that hold a sentence together: a pair with one of them is no word.
_GLUE = re.compile("[的了是在于被由和与及或也都就其这那之以为从到对把等有并而所]")
# They ask, and stand in no answer. Cut out before pairs are made, so that no pair reaches over.
_ASKING = re.compile(
    "请问|请告诉我|为什么|为何|什么样|什么时候|什么|哪一个|哪一种|哪一年|哪一|哪个|哪里|哪儿|哪些|哪种|哪位|哪年|哪|"
    "是谁|谁|何时|何地|何处|何种|何人|何年|多少|怎么样|怎么|怎样|如何|是否|几个|几年|吗|呢"
)
# The same in English, where they may also mean something: they count for less. Behind an
# apostrophe there are only letters.
_WEAK_TEXT = """
    another call called far happen happened kind known long many mean much name named often old
    s some sort t term type use used
"""
_WEAK = frozenset(map(stem_of, _WEAK_TEXT.split()))
# What points at something said before.
_POINTING = re.compile(
    "他|她|它|这|那|其|该|此|前者|后者|还有|呢[?？]?$|"
    r"\b(he|she|it|they|him|her|them|his|hers|its|their|theirs|this|that|these|those|there|then|"
    r"former|latter|one|ones|else|what about|how about)\b"
)


@dataclass(frozen=True)
class Query:
    """A question as the index is asked."""

    text: str
    """The question, behind what it leans on."""
    weights: dict[str, float]
    """Its words, in order, and how much each matters: 1, or less."""
    leant_on: frozenset[str] = frozenset()
    """Those of the words that only the questions before it name."""
    points_back: bool = False
    """The question itself says that something before it is meant ("it", "他")."""


def analyse(question: str, earlier: Sequence[str] = ()) -> Query:
    """Return what to search for. `earlier` are the user's questions before, the oldest first.

    A question that points back, or says hardly anything, is completed with the last one before
    it that did not.
    """
    words = _words(question)
    leading = _leading(question, words, earlier)
    weights = {word: _weight(word) for word in words}
    leant_on = frozenset(_words(leading) if leading else ()) - weights.keys()
    for word in _words(leading):
        weights.setdefault(word, _CONTEXT_WEIGHT * _weight(word))
    text = f"{leading} {question}" if leading else question
    return Query(text, weights, leant_on, points_back=_points_back(question))


def _leading(question: str, words: list[str], earlier: Sequence[str]) -> str:
    """Return the earlier questions on which this one leans, as one text."""
    leading: list[str] = []
    for before in reversed(earlier):
        if not _leans(question, words):
            break
        question, words = before, _words(before)
        leading.insert(0, before)
    return " ".join(leading)


def _leans(question: str, words: list[str]) -> bool:
    return len(words) <= _FEW_WORDS or _points_back(question)


def _points_back(question: str) -> bool:
    return bool(_POINTING.search(fold(question)))


def _weight(word: str) -> float:
    """Return how much of what is meant a word carries, apart from how rare it is."""
    return _GLUE_WEIGHT if word in _WEAK or _GLUE.search(word) else 1.0


def _words(text: str) -> list[str]:
    text = fold(text[:_MAX_CHARACTERS])
    words = list(dict.fromkeys(words_of(_ASKING.sub(" ", text))))
    if not words:  # nothing but asking: then that is what is sought
        words = list(dict.fromkeys(words_of(text)))
    # One character of Chinese says little beside others.
    longer = [word for word in words if len(word) > 1 or word.isascii()]
    return (longer or words)[:_MAX_WORDS]
