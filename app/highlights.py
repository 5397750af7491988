"""Words marked in the blocks of messages, without touching what the blocks hold."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from PySide6.QtGui import QColor, QTextCursor
from PySide6.QtWidgets import QTextEdit

from app import theme
from app.blocks import TextBlock

FindSpans = Callable[[str], Sequence[tuple[int, int]]]
"""From a text to places in it: (first character, character after the last)."""


class Place(NamedTuple):
    """Words in a block, in the units of its document."""

    block: TextBlock
    start: int
    end: int


def places_in(blocks: Sequence[TextBlock], find: FindSpans) -> list[Place]:
    """Return all places, in the order of reading."""
    return [
        Place(block, _units(text, start), _units(text, end))
        for block, text in ((block, block.toPlainText()) for block in blocks)
        for start, end in find(text)
    ]


def mark(block: TextBlock, places: Sequence[Place], current: Place | None = None) -> None:
    """Mark `places`, all in `block`, and one of them more strongly; none: take marks away."""
    colors = theme.colors()
    selections = []
    for place in places:
        selection = QTextEdit.ExtraSelection()
        cursor = QTextCursor(block.document())
        cursor.setPosition(place.start)
        cursor.setPosition(place.end, QTextCursor.MoveMode.KeepAnchor)
        chosen = place == current
        selection.cursor = cursor
        style = selection.format
        style.setBackground(QColor(colors.accent if chosen else colors.selection))
        style.setForeground(QColor(colors.on_accent if chosen else colors.text))
        selection.format = style
        selections.append(selection)
    block.setExtraSelections(selections)


def _units(text: str, place: int) -> int:
    """Return a place in UTF-16 units, as Qt counts."""
    return place if text.isascii() else len(text[:place].encode("utf-16-le")) // 2
