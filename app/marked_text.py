"""A few lines of text with words marked, for lists that a delegate paints."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QFont, QFontInfo, QTextCharFormat, QTextLayout, QTextOption

from app import theme
from engine.search_text import Span

_LINE_HEIGHT_EM: Final = 1.5


def line_height(font: QFont) -> int:
    """Return the pixels of a line, enough for Chinese, whose fonts are higher than Latin ones."""
    return round(_LINE_HEIGHT_EM * QFontInfo(font).pixelSize())


def lay_out(text: str, marks: Sequence[Span], font: QFont, width: int, lines: int) -> QTextLayout:
    """Return the beginning of a text in up to so many lines, the marked places in their colours."""
    layout = QTextLayout(text, font)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    layout.setFormats([_mark(text, start, end) for start, end in marks])
    layout.beginLayout()
    y = 0.0
    for _ in range(lines):
        line = layout.createLine()
        if not line.isValid():
            break
        line.setLineWidth(width)
        line.setPosition(QPointF(0, y))
        y += line_height(font)
    layout.endLayout()
    return layout


def _mark(text: str, start: int, end: int) -> QTextLayout.FormatRange:
    colors = theme.colors()
    style = QTextCharFormat()
    style.setForeground(QColor(colors.text))
    style.setBackground(QColor(colors.selection))
    mark = QTextLayout.FormatRange()
    mark.start = len(text[:start].encode("utf-16-le")) // 2  # Qt's places, not code points
    mark.length = len(text[start:end].encode("utf-16-le")) // 2
    mark.format = style
    return mark
