"""An answer as a column of blocks, of which only the last grows."""

from collections.abc import Sequence
from time import perf_counter
from typing import Final, cast

from PySide6.QtCore import QEvent, QTimer, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app import theme
from app.blocks import TextBlock, plain_text
from app.markdown.code import CodeBlock
from app.markdown.formula_block import FormulaBlock
from app.markdown.leaves import Leaf
from app.markdown.prose import ProseBlock, indent
from app.markdown.stream import Change, StreamParser
from app.markdown.table import TableBlock
from engine.i18n import to_translate

_RUN_LENGTH: Final = 24
"""Leaves of prose in one block: a selection can span them, and Qt's work stays bounded."""
_PATIENCE_SECONDS: Final = 0.003
_SECTION: Final = 16
"""Blocks in one widget: Qt computes a layout anew as a whole, so that of a long answer is cut."""

Block = ProseBlock | CodeBlock | TableBlock | FormulaBlock
_KINDS: Final[dict[str, type[CodeBlock | TableBlock | FormulaBlock]]] = {
    "code": CodeBlock,
    "table": TableBlock,
    "formula": FormulaBlock,
}


class MarkdownView(QWidget):
    """Takes the text of an answer piece by piece; blocks that are closed are not touched again."""

    copy_text_requested = Signal()
    copy_markdown_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.blocks: list[Block] = []
        self._sections: list[QWidget] = []
        self._rows: list[QVBoxLayout] = []
        self._starts: list[int] = []
        """The number of each block's first leaf."""
        self._leaves: list[Leaf] = []
        self._parser = StreamParser()
        self._scheme = theme.colors()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(theme.SPACE + 4)
        self._rest = QTimer(self, singleShot=True, interval=0)
        self._rest.timeout.connect(self._show_rest)
        theme.follow_scale(self._fit_scale)

    def append_text(self, text: str, *, patient: bool = False) -> None:
        """Show more text. `patient`: of blocks that take long to make, one in a turn of the event
        loop, so that keys and other events come in between.
        """
        self._apply(self._parser.feed(text), patient)

    def finish(self) -> None:
        """Show the end as it is: nothing more will come."""
        self._apply(self._parser.finish(), False)
        if self._rest.isActive():
            self._show_rest(patient=False)

    def plain_text(self) -> str:
        """Return what is shown, without its markup."""
        return "\n\n".join(_plain(block) for block in self.blocks)

    def text_blocks(self) -> list[TextBlock]:
        """Return what the text is shown in, in the order of reading."""
        return [_text_of(block) for block in self.blocks]

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and theme.colors() != self._scheme:
            self._scheme = theme.colors()
            for block in self.blocks:
                block.recolor()

    def _fit_scale(self) -> None:
        for number, block in enumerate(self.blocks):
            block.refit()
            if not isinstance(block, ProseBlock):
                self._rows[number].setContentsMargins(indent(block.leaf), 0, 0, 0)

    def _apply(self, change: Change, patient: bool) -> None:
        first, leaves = change.index, change.leaves
        for leaf in leaves:
            if first == len(self._leaves) or self._leaves[first] != leaf:
                break
            first += 1
        else:
            if first == len(self._leaves):
                return
        self._leaves[first:] = leaves[first - change.index :]
        number = len(self._starts)
        while number and self._starts[number - 1] > first:
            number -= 1
        # The block that holds the first new leaf, or will.
        self._show_from(max(0, number - 1), patient)

    def _show_from(self, number: int, patient: bool) -> None:
        """Show all leaves from those of a block on."""
        start = self._starts[number] if self._starts else 0
        made, deadline = 0, perf_counter() + _PATIENCE_SECONDS
        for run in _runs(self._leaves[start:]):
            if number >= len(self.blocks):
                if patient and made and perf_counter() > deadline:
                    self._rest.start()
                    return
                made += 1
            self._show_run(number, start, run)
            start += len(run)
            number += 1
        self._remove_from(number)
        self._rest.stop()

    def _show_rest(self, *, patient: bool = True) -> None:
        """Go on where patience ended."""
        self._show_from(max(0, len(self._starts) - 1), patient)

    def _show_run(self, number: int, start: int, run: Sequence[Leaf]) -> None:
        kind = _KINDS.get(run[0].kind, ProseBlock)
        if number < len(self.blocks) and (
            type(self.blocks[number]) is not kind or self._starts[number] != start
        ):
            self._remove_from(number)
        if number == len(self.blocks):
            self._add(_make(run[0]), start, 0 if run[0].is_prose else indent(run[0]))
        block = self.blocks[number]
        if isinstance(block, ProseBlock):
            block.show_leaves(run)
        else:
            block.show_leaf(run[0])

    def _add(self, block: Block, start: int, left: int) -> None:
        text = _text_of(block)
        text.copy_text_requested.connect(self.copy_text_requested)
        text.copy_markdown_requested.connect(self.copy_markdown_requested)
        self.blocks.append(block)
        self._starts.append(start)
        row = QVBoxLayout()
        row.setContentsMargins(left, 0, 0, 0)
        row.addWidget(block)
        if len(self._rows) % _SECTION == 0:
            self._add_section()
        self._section_rows(-1).addLayout(row)
        self._rows.append(row)
        if self.isVisible():
            block.show()  # now, not in the next turn of the event loop: it must have its height

    def _add_section(self) -> None:
        section = QWidget()
        rows = QVBoxLayout(section)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(self._column.spacing())
        self._sections.append(section)
        self._column.addWidget(section)
        if self.isVisible():
            section.show()

    def _section_rows(self, number: int) -> QVBoxLayout:
        return cast(QVBoxLayout, self._sections[number].layout())

    def _remove_from(self, number: int) -> None:
        for block in self.blocks[number:]:
            block.hide()
            block.deleteLater()
        whole, rest = divmod(number, _SECTION)
        if rest:
            rows = self._section_rows(whole)
            while rows.count() > rest:
                rows.takeAt(rest)
            whole += 1
        for section in self._sections[whole:]:
            self._column.removeWidget(section)
            section.hide()
            section.deleteLater()
        del self._sections[whole:]
        del self.blocks[number:], self._rows[number:], self._starts[number:]


def _make(leaf: Leaf) -> Block:
    kind = _KINDS.get(leaf.kind)
    return kind(leaf) if kind else ProseBlock(to_translate("Answer"))


def _text_of(block: Block) -> TextBlock:
    return block.text if isinstance(block, CodeBlock) else block


def _runs(leaves: Sequence[Leaf]) -> list[list[Leaf]]:
    """Group leaves that share a block."""
    runs: list[list[Leaf]] = []
    for leaf in leaves:
        joins = runs and leaf.is_prose and runs[-1][0].is_prose
        if joins and len(runs[-1]) < _RUN_LENGTH:
            runs[-1].append(leaf)
        else:
            runs.append([leaf])
    return runs


def _plain(block: Block) -> str:
    if isinstance(block, CodeBlock):
        return block.leaf.text
    if isinstance(block, TableBlock):
        return block.plain_text()
    return _all_text(block)


def _all_text(block: TextBlock) -> str:
    cursor = block.textCursor()
    cursor.select(cursor.SelectionType.Document)
    return plain_text(cursor).replace("\t", " ")
