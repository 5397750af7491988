"""Finds words in a text whatever the white space, hyphens and forms of characters."""

import re
import unicodedata

from engine.documents.reading.words import RADICALS

_PASSED_OVER = re.compile(r"[\s\x00-\x1f\u00ad\ufffd\ufffe-]+")


class Squeezed:
    """A text without what differs from one extraction to the next."""

    def __init__(self, text: str) -> None:
        pieces: list[str] = []
        self._places: list[int] = []
        for place, character in enumerate(text):
            plain = squeeze(character)
            pieces.append(plain)
            self._places.extend([place] * len(plain))
        self._text = "".join(pieces)

    def find(self, words: str, near: int = 0) -> tuple[int, int] | None:
        """Return (start, end) in the text where the words stand, of several places the nearest."""
        wanted = squeeze(words)
        if not wanted:
            return None
        best: tuple[int, int] | None = None
        at = self._text.find(wanted)
        while at >= 0:
            place = self._places[at], self._places[at + len(wanted) - 1] + 1
            if best is None or abs(place[0] - near) < abs(best[0] - near):
                best = place
            at = self._text.find(wanted, at + 1)
        return best


def squeeze(text: str) -> str:
    """Return the text without white space and hyphens, in compatible characters, folded."""
    plain = _PASSED_OVER.sub("", text).translate(RADICALS)
    return unicodedata.normalize("NFKC", plain).casefold()
