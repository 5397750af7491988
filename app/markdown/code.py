"""A block of code: its language, a copy button, colours, and lines that scroll sideways."""

from collections.abc import Iterator
from time import perf_counter
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QColor, QGuiApplication, QSyntaxHighlighter, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app import theme
from app.blocks import TextBlock, WideBlock, line_format
from app.icons import IconButton
from app.markdown.leaves import Leaf
from engine.i18n import to_translate

if TYPE_CHECKING:
    from app.markdown.highlight import Span

_COPIED_MS: Final = 1500
_LINE_HEIGHT_EM: Final = 1.5
_WINDOW: Final = 16
"""Lines that are read anew for each new one; those before them keep the colours they have."""
_SLICE_SECONDS: Final = 0.003
_MAX_COLORED: Final = 200_000
"""Characters: longer code is left without colours."""


class CodeBlock(QFrame):
    """Shows one leaf of code; more of it may come."""

    def __init__(self, leaf: Leaf, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("code")
        self.leaf = Leaf("code", growing=True)
        self.text = _CodeText(to_translate("Code"))
        self._language = QLabel(textFormat=Qt.TextFormat.PlainText)
        self._language.setProperty("muted", True)
        self._copy = IconButton("copy", "Copy code")
        self._copy.clicked.connect(self.copy)
        self._timer = QTimer(self, singleShot=True, interval=_COPIED_MS)
        self._timer.timeout.connect(lambda: self._copy.show_as("copy", "Copy code"))
        self.colors = _Highlighter(self.text)
        head = QHBoxLayout()
        head.setContentsMargins(14, 2, 4, 0)
        head.addWidget(self._language, 1)
        head.addWidget(self._copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        inner = QVBoxLayout()
        inner.setContentsMargins(14, 0, 6, 10)
        inner.addWidget(self.text)
        column.addLayout(inner)
        self.show_leaf(leaf)

    def show_leaf(self, leaf: Leaf) -> None:
        """Show `leaf`; where text was only added, the lines before it are not touched."""
        if leaf == self.leaf:
            return
        former, self.leaf = self.leaf, leaf
        lines = self.text.document().blockCount()
        if leaf.language != former.language or not leaf.text.startswith(former.text):
            self.text.clear()
            lines = 0
        self._language.setText(leaf.language)
        self.text.extend_to(leaf.text)
        if not leaf.growing:
            self.colors.color(leaf, 0)
        elif lines != self.text.document().blockCount():  # a line is complete
            self.colors.color(leaf, max(0, lines - 1) // _WINDOW * _WINDOW)

    def copy(self) -> None:
        """Put the code on the clipboard."""
        QGuiApplication.clipboard().setText(self.leaf.text)
        self._copy.show_as("check", "Copied")
        self._timer.start()

    def recolor(self) -> None:
        """Use the colours of the scheme that is on now."""
        self.colors.rehighlight()

    def refit(self) -> None:
        """Use the size of text that is on now."""
        self.text.refit()


class _CodeText(WideBlock):
    def __init__(self, label: str) -> None:
        super().__init__(label)
        self.setFont(theme.code_font())
        self.setLineWrapMode(TextBlock.LineWrapMode.NoWrap)
        self._length = 0
        self._format()

    def extend_to(self, text: str) -> None:
        """Add what `text` has beyond the text that is shown."""
        with self.writing() as cursor:
            cursor.movePosition(QTextCursor.MoveOperation.End)
            cursor.insertText(text[self._length :])
        self._length = len(text)

    def clear(self) -> None:
        super().clear()
        self._length = 0
        self._format()

    def refit(self) -> None:
        """Use the size of text that is on now."""
        self.setFont(theme.code_font())
        self._format()
        self.fit_height()

    def _format(self) -> None:
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.setBlockFormat(line_format(self.font(), em=_LINE_HEIGHT_EM))


class _Highlighter(QSyntaxHighlighter):
    """Colours lines as Pygments reads them, a few milliseconds at a time."""

    def __init__(self, text: TextBlock) -> None:
        super().__init__(text.document())
        self._spans: list[list[Span]] = []
        self._reading: Iterator[list[Span]] = iter(())
        self._line = 0
        self._timer = QTimer(self, singleShot=True, interval=0)
        self._timer.timeout.connect(self._read_on)

    def color(self, leaf: Leaf, first: int) -> None:
        """Read the lines of `leaf` from `first` on and colour those that differ."""
        from app.markdown.highlight import spans_by_line  # here: most chats have no code

        if len(leaf.text) > _MAX_COLORED:
            return
        self._spans += [[] for _ in range(first - len(self._spans))]  # not read to their end
        source = "\n".join(leaf.text.split("\n")[first:])
        self._reading, self._line = spans_by_line(leaf.language, source), first
        self._read_on()

    def is_reading(self) -> bool:
        """True while some lines still wait for their colours."""
        return self._timer.isActive()

    def _read_on(self) -> None:
        end = perf_counter() + _SLICE_SECONDS
        for spans in self._reading:
            former = self._spans[self._line : self._line + 1]
            self._spans[self._line : self._line + 1] = [spans]
            if former != [spans]:
                self.rehighlightBlock(self.document().findBlockByNumber(self._line))
            self._line += 1
            if perf_counter() > end:
                self._timer.start()
                return
        del self._spans[self._line :]

    def highlightBlock(self, _text: str) -> None:
        number = self.currentBlock().blockNumber()
        if number >= len(self._spans):
            return
        for start, length, name in self._spans[number]:
            style = QTextCharFormat()
            style.setForeground(QColor(getattr(theme.colors(), name)))
            self.setFormat(start, length, style)
