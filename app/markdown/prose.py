"""Paragraphs, headings, lists and quotes in one document, so that a selection can span them."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
    QPaintEvent,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextFormat,
    QTextOption,
)
from PySide6.QtWidgets import QWidget

from app import theme
from app.blocks import TextBlock, line_format
from app.links import open_links
from app.markdown.formula import FORMULA_OBJECT, FormulaObject
from app.markdown.inline import InlineWriter
from app.markdown.leaves import Leaf

INDENT: Final = 26
"""Pixels for each list or quote that a leaf stands in."""
_MAX_DEPTH: Final = 8
"""Deeper ones are not indented further: there would be no room for text."""
_HEADING_SCALES: Final = (1.32, 1.18, 1.08, 1.0, 1.0, 1.0)
_BARS: Final = QTextFormat.Property.UserProperty.value + 10
_RULE: Final = QTextFormat.Property.UserProperty.value + 11


def indent(leaf: Leaf) -> int:
    """Return the pixels that a leaf is moved to the right, at the size of text that is on now."""
    return theme.scaled(INDENT) * min(len(leaf.containers), _MAX_DEPTH)


class ProseBlock(TextBlock):
    """Shows leaves that are prose: each is one text block of the document."""

    def __init__(self, label: str, parent: QWidget | None = None) -> None:
        super().__init__(label, parent)
        self.setFont(theme.message_font())
        open_links(self)
        self.leaves: list[Leaf] = []
        self._formulas = FormulaObject(self)
        self.document().documentLayout().registerHandler(FORMULA_OBJECT, self._formulas)

    def show_leaves(self, leaves: Sequence[Leaf]) -> None:
        """Show `leaves`; only from the first that differs are they written anew."""
        first = 0
        while first < min(len(leaves), len(self.leaves)) and leaves[first] == self.leaves[first]:
            first += 1
        if first == len(leaves) == len(self.leaves):
            return
        with self.writing() as cursor:
            self._write(cursor, first, leaves)

    def refit(self) -> None:
        """Use the size of text that is on now."""
        self.setFont(theme.message_font())
        self.recolor()

    def recolor(self) -> None:
        """Use the colours of the scheme that is on now."""
        with self.writing() as cursor:
            self._write(cursor, 0, list(self.leaves))

    def _write(self, cursor: QTextCursor, first: int, leaves: Sequence[Leaf]) -> None:
        first = min(first, len(leaves) - 1)
        if first < len(self.leaves):  # its block is used again: a merged one would mix formats
            cursor.setPosition(self.document().findBlockByNumber(first).position())
        else:
            cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()
        for number in range(first, len(leaves)):
            if number > first or first == len(self.leaves) > 0:
                cursor.insertBlock()
            _write_leaf(cursor, leaves[number], self.font(), before=number > 0)
        self.leaves[first:] = leaves[first:]

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        color = QColor(theme.colors().border)
        layout = self.document().documentLayout()
        block = self._block_at(event.rect().top())
        while block.isValid():
            rect = layout.blockBoundingRect(block)
            if rect.top() > event.rect().bottom():
                break
            _decorate(painter, block, rect, self.viewport().width(), color)
            block = block.next()

    def _block_at(self, y: int) -> QTextBlock:
        layout = self.document().documentLayout()
        position = layout.hitTest(QPointF(0, y), Qt.HitTestAccuracy.FuzzyHit)
        block = self.document().findBlock(max(0, position))
        return block.previous() if block.previous().isValid() else block


def _write_leaf(cursor: QTextCursor, leaf: Leaf, font: QFont, *, before: bool) -> None:
    c = theme.colors()
    style = QTextCharFormat()
    font = QFont(font)
    if leaf.kind == "heading":
        font.setPointSizeF(font.pointSizeF() * _HEADING_SCALES[leaf.level - 1])
        font.setWeight(QFont.Weight.DemiBold)
    style.setFont(font)
    style.setForeground(QColor(c.muted if "quote" in leaf.containers else c.text))
    cursor.setBlockFormat(QTextBlockFormat())
    cursor.setCharFormat(style)
    cursor.setBlockCharFormat(style)
    hang = 0
    if leaf.marker:
        hang = max(
            theme.scaled(INDENT), round(QFontMetricsF(font).horizontalAdvance(leaf.marker + "  "))
        )
        cursor.insertText(leaf.marker + "\t", style)
    writer = InlineWriter(cursor, style)
    if leaf.text:
        writer.write(leaf.text)
    cursor.setBlockFormat(_block_format(leaf, font, hang, before, fixed=not writer.has_formula))


def _block_format(
    leaf: Leaf, font: QFont, hang: int, before: bool, *, fixed: bool
) -> QTextBlockFormat:
    em = 1.4 if leaf.kind == "heading" else theme.LINE_HEIGHT_EM
    result = line_format(font, fixed=fixed, em=em)
    if before:
        result.setTopMargin(_gap(leaf))
    result.setLeftMargin(indent(leaf))
    if hang:
        result.setTextIndent(-min(hang, indent(leaf)))
        result.setTabPositions([QTextOption.Tab(hang, QTextOption.TabType.LeftTab)])
    bars = [
        str(theme.scaled(INDENT) * depth)
        for depth, container in enumerate(leaf.containers[:_MAX_DEPTH])
        if container == "quote"
    ]
    if bars:
        result.setProperty(_BARS, " ".join(bars))
    if leaf.kind == "rule":
        result.setProperty(_RULE, True)
    if leaf.kind == "heading":
        result.setHeadingLevel(leaf.level)
    return result


def _gap(leaf: Leaf) -> int:
    """Return the pixels above a leaf."""
    if leaf.kind == "heading":
        return theme.SPACE * 2
    return 2 if leaf.marker else theme.SPACE + 2


def _decorate(
    painter: QPainter, block: QTextBlock, rect: QRectF, width: int, color: QColor
) -> None:
    """Draw the bars of quotes and the line of a rule."""
    style = block.blockFormat()
    above = set(_bars(block.previous()))
    for x in _bars(block):
        top = rect.top() - (style.topMargin() + 4 if x in above else 0)
        painter.fillRect(QRectF(x + 4, top, 3, rect.bottom() - top), color)
    if style.property(_RULE):
        left = style.leftMargin()
        painter.fillRect(QRectF(left, rect.center().y(), width - left, 1), color)


def _bars(block: QTextBlock) -> list[int]:
    if not block.isValid():
        return []
    return [int(x) for x in str(block.blockFormat().property(_BARS) or "").split()]
