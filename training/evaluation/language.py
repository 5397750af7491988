"""Which language a text is in, and whether it goes round in circles."""

import re
from collections import Counter
from typing import Literal

Language = Literal["zh", "en"]

LANGUAGES: tuple[Language, ...] = ("zh", "en")
_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
HAN_RUN = re.compile(rf"[{_HAN}]+")
HAN_OR_WORD = re.compile(rf"[{_HAN}]+|(?:(?![{_HAN}])\w)+")
"""Runs of Chinese characters, and words (or numbers) of any other script."""
_LETTERS = re.compile(rf"(?:(?![{_HAN}\d_])\w)+")
_LATIN = re.compile(r"[a-z\u00c0-\u024f]+", re.IGNORECASE)
_ENGLISH_WORDS = re.compile(r"\w+(?:['’]\w+)*")
_NGRAM = 4
_MOST_REPEATS = 3


def language_of(text: str) -> Language | None:
    """Return "zh" or "en", whichever has more: Chinese characters or words in Latin letters.

    As many of both is "zh", because Chinese text often holds names in Latin letters. None if
    there are neither, or more words of a third script.
    """
    chinese = sum(len(run) for run in HAN_RUN.findall(text))
    words = _LETTERS.findall(text)
    english = sum(1 for word in words if _LATIN.fullmatch(word))
    others = len(words) - english
    if max(chinese, english) <= others:
        return None
    return "zh" if chinese >= english else "en"


def answers_in(language: Language, answer: str) -> bool:
    """Return whether `answer` is in `language`; a number alone is in every language."""
    only_a_number = bool(re.search(r"\d", answer)) and not re.search(r"[^\W\d_]", answer)
    return only_a_number or language_of(answer) == language


def is_loop(text: str) -> bool:
    """Return whether a 4-gram occurs more than 3 times in `text`.

    Of words, without regard to case; in Chinese text of characters (blanks left out).
    """
    if language_of(text) == "en":
        units = _ENGLISH_WORDS.findall(text.lower())
    else:
        units = list("".join(text.split()))
    counts = Counter(tuple(units[i : i + _NGRAM]) for i in range(len(units) - _NGRAM + 1))
    return max(counts.values(), default=0) > _MOST_REPEATS
