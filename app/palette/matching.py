"""How well what a person types fits a text: all of it, words of it, or letters in order."""

from collections.abc import Iterable
from typing import Final

from app.palette.pinyin import initials

_WHOLE: Final = 100
_WORD_START: Final = 20
_SCATTERED: Final = 30
_GAP: Final = 3


def forms(*texts: str) -> tuple[str, ...]:
    """Return the texts to be matched: folded to small letters, with the pinyin initials of each."""
    folded = dict.fromkeys(text.casefold() for text in texts)
    return tuple(dict.fromkeys([*folded, *map(initials, folded)]))


def score(query: str, texts: Iterable[str]) -> int:
    """Return how well `query` fits the best of `texts` (see `forms`); 0: not at all.

    Each word of the query must fit. An empty query fits everything.
    """
    words = query.casefold().split()
    return max((_score_words(words, text) for text in texts), default=0)


def _score_words(words: list[str], text: str) -> int:
    total = 1
    for word in words:
        points = _score_word(word, text)
        if not points:
            return 0
        total += points
    return total


def _score_word(word: str, text: str) -> int:
    start = text.find(f" {word}") + 1 or (0 if text.startswith(word) else -1)
    if start < 0:
        start = text.find(word)
        if start < 0:
            return _score_scattered(word, text)
        return max(1, _WHOLE - min(start, _WORD_START))
    return _WHOLE + _WORD_START - min(start, _WORD_START)


def _score_scattered(word: str, text: str) -> int:
    """The letters of `word`, in order, with few and short gaps between them."""
    at = text.find(word[0])
    gaps, first = 0, at
    for letter in word[1:]:
        following = text.find(letter, at + 1)
        if at < 0 or following < 0:
            return 0
        # The start of a word is where a person looks: it costs no more than a short gap.
        jump = following - at - 1
        gaps += min(jump, 1 if text[following - 1] == " " else jump)
        at = following
    return max(0, _SCATTERED - _GAP * gaps - min(first, 3)) if at >= 0 else 0
