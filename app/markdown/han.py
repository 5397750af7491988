"""Chinese in formulas: the font for formulas has none, so a square stands for each character.

Every square has a colour of its own; in the finished drawing that colour tells which character
goes where, and the square's outline how large it is. The characters are drawn with Qt.
"""

import re
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element  # only to walk over what was made here

_HAN: Final = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
_TEXT: Final = re.compile(r"\\(?:text|textrm|textbf|mathrm|mbox)\s*\{([^{}]*)\}")
_LETTER: Final = re.compile(f"[{_HAN}]")
_SQUARE: Final = "■"
# Of the square in STIX Two Math, in parts of the size: its side, and how far it stands in and down.
_SIDE: Final = 0.84
_LEFT: Final = 0.046
_BELOW: Final = 0.162
_SCALE: Final = 0.92
"""A Chinese character is as wide as the square with its margins."""


@dataclass(frozen=True)
class Letter:
    """A character, where its base line begins, and its size, in pixels of the drawing."""

    text: str
    x: float
    y: float
    size: int


def put_squares(latex: str) -> tuple[str, dict[str, str]]:
    """Return `latex` with squares for Chinese characters, and which one each colour stands for."""
    letters: dict[str, str] = {}

    def square(match: re.Match[str]) -> str:
        color = f"#fe{len(letters):04x}"
        letters[color] = match[0]
        return rf"{{\textcolor{{{color}}}{{\text{{{_SQUARE}}}}}}}"

    def words(match: re.Match[str]) -> str:
        if not _LETTER.search(match[1]):
            return match[0]
        parts = re.split(f"([{_HAN}])", match[1])
        command = match[0].split("{", 1)[0]
        return "{" + "".join(_piece(command, part) for part in parts) + "}"

    return _LETTER.sub(square, _TEXT.sub(words, latex)), letters


def _piece(command: str, part: str) -> str:
    if not part or _LETTER.fullmatch(part):
        return part
    # A space has no outline, and ziamath would give its colour to the square before it.
    space = r"\;" if part[0].isspace() else ""
    return f"{space}{command}{{{part.lstrip()}}}" if part.strip() else space


def take_squares(drawing: Element, letters: dict[str, str]) -> tuple[Letter, ...] | None:
    """Remove the squares from `drawing` and return the characters that they stand for.

    None if not every square was found.
    """
    found = []
    for parent in list(drawing.iter()):
        for shape in list(parent):
            text = letters.get(shape.attrib.get("fill", ""))
            if text is None:
                continue
            parent.remove(shape)
            numbers = [float(n) for n in re.findall(r"-?[\d.]+", shape.attrib.get("d", ""))]
            xs, ys = numbers[::2], numbers[1::2]
            size = (max(xs) - min(xs)) / _SIDE
            left, base = min(xs) - _LEFT * size, max(ys) - _BELOW * size
            found.append(Letter(text, left, base, round(_SCALE * size)))
    return tuple(found) if len(found) == len(letters) else None
