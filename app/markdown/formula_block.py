"""A formula that stands alone, in the middle of the column."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QWidget

from app import theme
from app.blocks import WideBlock, line_format
from app.markdown.formula import FORMULA_OBJECT, FormulaObject, formula_format
from app.markdown.leaves import Leaf
from engine.i18n import to_translate


class FormulaBlock(WideBlock):
    """Shows one leaf of LaTeX; as source, if it cannot be drawn."""

    def __init__(self, leaf: Leaf, parent: QWidget | None = None) -> None:
        super().__init__(to_translate("Formula"), parent)
        self.setFont(theme.message_font())
        self.setLineWrapMode(WideBlock.LineWrapMode.NoWrap)
        self._formulas = FormulaObject(self)
        self.document().documentLayout().registerHandler(FORMULA_OBJECT, self._formulas)
        self.leaf = Leaf("formula")
        self.show_leaf(leaf)

    def show_leaf(self, leaf: Leaf) -> None:
        """Show `leaf`."""
        self.leaf = leaf
        style = QTextCharFormat()
        style.setFont(self.font())
        style.setForeground(QColor(theme.colors().text))
        source = f"$$\n{leaf.text}\n$$"
        drawn = formula_format(leaf.text, source, style, displayed=True, alone=True)
        line = line_format(self.font(), fixed=False)
        with self.writing() as cursor:
            cursor.select(QTextCursor.SelectionType.Document)
            cursor.removeSelectedText()
            if drawn is not None:
                line.setAlignment(Qt.AlignmentFlag.AlignHCenter)
                cursor.insertText("\ufffc", drawn)
            else:
                style.setFont(theme.code_font())
                cursor.insertText(source.replace("\n", "\u2028"), style)
            cursor.setBlockFormat(line)
        self.setAccessibleDescription(leaf.text)

    def refit(self) -> None:
        """Use the size of text that is on now."""
        self.setFont(theme.message_font())
        self.recolor()

    def recolor(self) -> None:
        """Use the colours of the scheme that is on now."""
        self.show_leaf(self.leaf)
