"""One form for the same text: Unicode NFC, no control characters, plain line breaks."""

import re
import unicodedata
from dataclasses import dataclass
from typing import ClassVar

from training.cleaning.records import Rewriter

_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ue000-\uf8ff\U000f0000-\U0010ffff]"
)
"""Control characters, halves of surrogate pairs and private use: none is text."""
_TRAILING_BLANKS = re.compile(r"[ \t\u00a0]+\n")
_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(kw_only=True)
class Normalise(Rewriter):
    """Writes every text in the one form that all later stages expect."""

    name: ClassVar[str] = "normalise"

    def clean(self, text: str) -> str:
        """See normalise."""
        return normalise(text)


def normalise(text: str) -> str:
    """Return `text` in NFC without control characters or superfluous blanks."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    # Most text is printable but for its line breaks, and that is quick to see.
    if not text.replace("\n", "").isprintable():
        text = _CONTROL.sub("", text)
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    return tidy(text)


def tidy(text: str) -> str:
    """Return `text` without trailing blanks, runs of blank lines and blanks around it."""
    if " \n" in text or "\t\n" in text or "\u00a0\n" in text:
        text = _TRAILING_BLANKS.sub("\n", text)
    if "\n\n\n" in text:
        text = _BLANK_LINES.sub("\n\n", text)
    return text.strip()
