"""A table whose cells are inline Markdown; a wide one scrolls sideways."""

from typing import Final, cast

from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QTextCharFormat,
    QTextCursor,
    QTextOption,
    QTextTable,
    QTextTableCell,
    QTextTableCellFormat,
    QTextTableFormat,
)
from PySide6.QtWidgets import QWidget

from app import theme
from app.blocks import WideBlock, line_format, plain_text
from app.links import open_links
from app.markdown.formula import FORMULA_OBJECT, FormulaObject
from app.markdown.inline import InlineWriter
from app.markdown.leaves import Leaf
from engine.i18n import to_translate

_PADDING: Final = 6
_LINE_HEIGHT_EM: Final = 1.5
_ALIGNMENTS: Final = {
    "": Qt.AlignmentFlag.AlignLeft,
    "left": Qt.AlignmentFlag.AlignLeft,
    "center": Qt.AlignmentFlag.AlignHCenter,
    "right": Qt.AlignmentFlag.AlignRight,
}


class TableBlock(WideBlock):
    """Shows one leaf that is a table; only rows that differ are written anew."""

    def __init__(self, leaf: Leaf, parent: QWidget | None = None) -> None:
        super().__init__(to_translate("Table"), parent)
        self.setFont(theme.message_font())
        self.setWordWrapMode(QTextOption.WrapMode.WordWrap)
        self._formulas = FormulaObject(self)
        self.document().documentLayout().registerHandler(FORMULA_OBJECT, self._formulas)
        open_links(self)
        self.leaf = Leaf("table")
        self.table: QTextTable | None = None
        self.show_leaf(leaf)

    def show_leaf(self, leaf: Leaf) -> None:
        """Show `leaf`."""
        if leaf == self.leaf:
            return
        former, self.leaf = self.leaf, leaf
        with self.writing() as cursor:
            if self.table is None or not _extends(leaf, former):
                cursor.select(QTextCursor.SelectionType.Document)
                cursor.removeSelectedText()
                former = Leaf("table")
                self.table = self._insert_table(cursor, leaf)
            elif len(leaf.rows) > len(former.rows):
                self.table.appendRows(len(leaf.rows) - len(former.rows))
            for number, row in enumerate(leaf.rows):
                if number >= len(former.rows) or row != former.rows[number]:
                    self._write_row(self.table, number, row)

    def refit(self) -> None:
        """Use the size of text that is on now."""
        self.setFont(theme.message_font())
        self.recolor()

    def recolor(self) -> None:
        """Use the colours of the scheme that is on now."""
        leaf, self.leaf, self.table = self.leaf, Leaf("table"), None
        self.show_leaf(leaf)

    def plain_text(self) -> str:
        """Return the cells, with tabs between those of a row."""
        return self._cells_text(0, len(self.leaf.rows), 0, len(self.leaf.alignments))

    def selected_text(self) -> str:
        selected = cast(tuple[int, int, int, int], self.textCursor().selectedTableCells())
        first, rows, column, columns = selected
        if rows > 0:
            return self._cells_text(first, rows, column, columns)
        return self.plain_text() if self._is_all_selected() else super().selected_text()

    def _is_all_selected(self) -> bool:
        cursor = self.textCursor()
        return self.table is not None and (
            cursor.selectionStart() < self.table.firstPosition()
            and cursor.selectionEnd() > self.table.lastPosition()
        )

    def _insert_table(self, cursor: QTextCursor, leaf: Leaf) -> QTextTable:
        thin = line_format(self.font(), em=0.1)  # Qt keeps an empty line on both sides
        cursor.setBlockFormat(thin)
        table = cursor.insertTable(len(leaf.rows), len(leaf.alignments), _table_format())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.setBlockFormat(thin)
        return table

    def _cells_text(self, first: int, rows: int, column: int, columns: int) -> str:
        if self.table is None:
            return ""
        cells = [
            [self.table.cellAt(row, c) for c in range(column, column + columns)]
            for row in range(first, first + rows)
        ]
        return "\n".join("\t".join(_cell_text(cell) for cell in row) for row in cells)

    def _write_row(self, table: QTextTable, number: int, row: tuple[str, ...]) -> None:
        style = QTextCharFormat()
        font = QFont(self.font())
        if number == 0:
            font.setWeight(QFont.Weight.DemiBold)
        style.setFont(font)
        style.setForeground(QColor(theme.colors().text))
        for column, source in enumerate(row):
            cell = table.cellAt(number, column)
            cell.setFormat(_cell_format())
            cursor = _selected(cell)
            cursor.removeSelectedText()
            writer = InlineWriter(cursor, style)
            writer.write(source)
            line = line_format(font, fixed=not writer.has_formula, em=_LINE_HEIGHT_EM)
            line.setAlignment(_ALIGNMENTS[self.leaf.alignments[column]])
            cursor.setBlockFormat(line)


def _extends(leaf: Leaf, former: Leaf) -> bool:
    return leaf.alignments == former.alignments and len(leaf.rows) >= len(former.rows)


def _selected(cell: QTextTableCell) -> QTextCursor:
    cursor = cell.firstCursorPosition()
    cursor.setPosition(cell.lastCursorPosition().position(), QTextCursor.MoveMode.KeepAnchor)
    return cursor


def _cell_text(cell: QTextTableCell) -> str:
    return plain_text(_selected(cell))


def _table_format() -> QTextTableFormat:
    style = QTextTableFormat()
    style.setBorderCollapse(True)
    style.setBorder(0)
    style.setCellSpacing(0)
    style.setHeaderRowCount(1)
    return style


def _cell_format() -> QTextTableCellFormat:
    style = QTextTableCellFormat()
    style.setPadding(_PADDING)
    style.setRightPadding(3 * _PADDING)
    style.setBottomBorder(1)
    style.setBottomBorderStyle(QTextTableFormat.BorderStyle.BorderStyle_Solid)
    style.setBottomBorderBrush(QColor(theme.colors().border))
    return style
