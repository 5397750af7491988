"""LaTeX drawn as vectors: inside a line of text, or as a block of its own."""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final
from xml.etree.ElementTree import Element, fromstring, tostring

from PySide6.QtCore import QByteArray, QPointF, QRect, QRectF, QSizeF
from PySide6.QtGui import (
    QColor,
    QFontInfo,
    QFontMetricsF,
    QPainter,
    QPyTextObject,
    QTextCharFormat,
    QTextDocument,
    QTextFormat,
)
from PySide6.QtSvg import QSvgRenderer

from app import theme
from app.blocks import SOURCE_PROPERTY
from app.markdown.han import Letter, put_squares, take_squares

FORMULA_OBJECT: Final = QTextFormat.ObjectTypes.UserObject.value + 1
_LATEX: Final = QTextFormat.Property.UserProperty.value + 2
_DISPLAYED: Final = QTextFormat.Property.UserProperty.value + 3
_MAX_LENGTH: Final = 2000
"""Characters: longer ones are shown as source, for the time that they would take."""
_MAX_EXTENT: Final = 8000
"""Pixels to one side."""
_MAX_DEPTH: Final = 13
_MAX_ELEMENTS: Final = 500
"""Of MathML: ziamath's time doubles with each level and is half a millisecond for an element."""
_TAG: Final = re.compile(r"\\tag\*?\{([^{}]*)\}")
_SCALE: Final = 1.06
"""The formula font looks smaller than those for text."""
_MARGIN: Final = 1
"""Pixels around a formula, for what its outlines do not count."""


@dataclass(frozen=True)
class Formula:
    """A drawing in black, and its extent in pixels around the line that text stands on."""

    svg: str
    width: float
    ascent: float
    descent: float
    letters: tuple[Letter, ...] = ()
    """Chinese ones, from the left end of the base line."""

    def draw(self, painter: QPainter, place: QPointF, color: str) -> None:
        """Draw with the left end of the base line at `place`."""
        rect = QRectF(place.x(), place.y() - self.ascent, self.width, self.ascent + self.descent)
        _renderer(self.svg, color).render(painter, rect)
        painter.setPen(QColor(color))
        font = theme.message_font()
        for letter in self.letters:
            font.setPixelSize(letter.size)
            painter.setFont(font)
            painter.drawText(place + QPointF(letter.x, letter.y), letter.text)


@lru_cache(maxsize=512)
def typeset(latex: str, size: int, displayed: bool) -> Formula | None:
    """Return the drawing of `latex` for text of `size` pixels; None where it cannot be read."""
    import ziamath  # here: it reads a font, and most chats have no formula
    from ziamath.tex import tex2mml

    if not latex or len(latex) > _MAX_LENGTH:
        return None
    ziamath.config.svg2 = False  # paths that QtSvg knows
    source, letters = put_squares(_TAG.sub(r"\\qquad \\text{(\1)}", latex))
    try:
        tree = fromstring(tex2mml(source, inline=not displayed))  # noqa: S314 just written here
        if not _is_modest(tree):
            return None
        formula = ziamath.Math(tree, size=size * _SCALE, margin=_MARGIN)
        if not all(formula.font.glyphindex(letter) for letter in source if not letter.isspace()):
            return None  # there are letters that its font does not have
        drawing = formula.svgxml()
    except Exception:  # noqa: BLE001 its parsers raise whatever bad input leads them to
        return None
    places = take_squares(drawing, letters)
    if places is None:
        return None
    box = formula.node.bbox
    if not (0 <= box.xmax - box.xmin < _MAX_EXTENT and 0 <= box.ymax - box.ymin < _MAX_EXTENT):
        return None
    left = box.xmin - _MARGIN
    return Formula(
        tostring(drawing, encoding="unicode"),
        box.xmax - left + _MARGIN,
        box.ymax + _MARGIN,
        _MARGIN - box.ymin,
        tuple(replace(letter, x=letter.x - left) for letter in places),
    )


def _is_modest(tree: Element) -> bool:
    """True if drawing `tree` takes no longer than a reader would wait."""
    level, depth, count = [tree], 0, 0
    while level and depth <= _MAX_DEPTH and count <= _MAX_ELEMENTS:
        count += len(level)
        level = [child for element in level for child in element]
        depth += 1
    return not level and count <= _MAX_ELEMENTS


def formula_format(
    latex: str, source: str, base: QTextCharFormat, *, displayed: bool, alone: bool = False
) -> QTextCharFormat | None:
    """Return the format of the one character that stands for `latex`; None: show the source.

    `alone`: there is no text in its line to stand beside.
    """
    formula = typeset(latex, QFontInfo(base.font()).pixelSize(), displayed)
    if formula is None:
        return None
    kinds = QTextCharFormat.VerticalAlignment
    deep = formula.descent > QFontMetricsF(base.font()).descent()
    result = QTextCharFormat(base)
    result.setObjectType(FORMULA_OBJECT)
    result.setProperty(_LATEX, latex)
    result.setProperty(_DISPLAYED, displayed)
    result.setProperty(SOURCE_PROPERTY, source)
    result.setVerticalAlignment(
        kinds.AlignNormal if alone else kinds.AlignMiddle if deep else kinds.AlignBaseline
    )
    return result


class FormulaObject(QPyTextObject):
    """Draws the formulas among the text of a document.

    Qt places their boxes in three ways: on the base line (AlignNormal), reaching below it as
    far as letters do (AlignBaseline), and around a point a quarter of an x above it
    (AlignMiddle). A deep formula gets the last and as much room below as it has above.
    """

    def intrinsicSize(self, _document: QTextDocument, _position: int, style: QTextFormat) -> QSizeF:
        chars = style.toCharFormat()
        formula, metrics = _formula(chars), QFontMetricsF(chars.font())
        kinds = QTextCharFormat.VerticalAlignment
        half_x = metrics.xHeight() / 2
        height = {
            kinds.AlignBaseline: formula.ascent + metrics.descent(),
            kinds.AlignMiddle: max(2 * formula.ascent - half_x, 2 * formula.descent + half_x),
        }.get(chars.verticalAlignment(), formula.ascent + formula.descent)
        return QSizeF(formula.width, height)

    def drawObject(
        self,
        painter: QPainter,
        rect: QRectF | QRect,
        _document: QTextDocument,
        _position: int,
        style: QTextFormat,
    ) -> None:
        chars = style.toCharFormat()
        formula, metrics = _formula(chars), QFontMetricsF(chars.font())
        kinds = QTextCharFormat.VerticalAlignment
        rect = QRectF(rect)
        base_line = {
            kinds.AlignBaseline: rect.bottom() - metrics.descent(),
            kinds.AlignMiddle: rect.center().y() + metrics.xHeight() / 4,
        }.get(chars.verticalAlignment(), rect.bottom() - formula.descent)
        color = chars.foreground().color().name()
        formula.draw(painter, QPointF(rect.left(), base_line), color)


def _formula(chars: QTextCharFormat) -> Formula:
    size = QFontInfo(chars.font()).pixelSize()
    formula = typeset(str(chars.property(_LATEX)), size, bool(chars.property(_DISPLAYED)))
    if formula is None:
        raise ValueError("a formula that could not be read has no format")
    return formula


@lru_cache(maxsize=256)
def _renderer(svg: str, color: str) -> QSvgRenderer:
    return QSvgRenderer(QByteArray(svg.replace('"black"', f'"{color}"').encode()))
