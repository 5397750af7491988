"""A selection that goes on over blocks and messages, by mouse and by keys.

Each block is a text document of its own and shows its part of the selection. Inside one block
Qt selects as it always does; here is what happens when the pointer or the cursor leaves it.
"""

from typing import TYPE_CHECKING, Final, NamedTuple

import shiboken6
from PySide6.QtCore import QPoint, QTimer
from PySide6.QtGui import QKeyEvent, QKeySequence, QTextCursor

if TYPE_CHECKING:
    from app.blocks import TextBlock
    from app.transcript import Transcript

_SCROLL_MS: Final = 30
_Keys = QKeySequence.StandardKey
_Move = QTextCursor.MoveOperation
_MOVES: Final = {
    _Keys.SelectNextChar: (_Move.NextCharacter, 1),
    _Keys.SelectPreviousChar: (_Move.PreviousCharacter, -1),
    _Keys.SelectNextWord: (_Move.NextWord, 1),
    _Keys.SelectPreviousWord: (_Move.PreviousWord, -1),
    _Keys.SelectNextLine: (_Move.Down, 1),
    _Keys.SelectPreviousLine: (_Move.Up, -1),
    _Keys.SelectStartOfLine: (_Move.StartOfLine, 0),
    _Keys.SelectEndOfLine: (_Move.EndOfLine, 0),
}


class Point(NamedTuple):
    """A place in the text of a block."""

    block: "TextBlock"
    position: int


class Selection:
    """What is selected in a transcript, from `anchor`, where it began, to `head`."""

    def __init__(self, transcript: "Transcript") -> None:
        self._transcript = transcript
        self._anchor: Point | None = None
        self._head: Point | None = None
        self._pointer = QPoint()
        self._timer = QTimer(transcript, interval=_SCROLL_MS)
        self._timer.timeout.connect(self._scroll_on)

    def spans(self) -> bool:
        """Tell whether more than one block is selected."""
        anchor, head = self._anchor, self._head
        if anchor is None or head is None or anchor.block is head.block:
            return False
        return shiboken6.isValid(anchor.block) and shiboken6.isValid(head.block)

    def text(self) -> str:
        """Return what is selected, with an empty line between blocks."""
        parts = (block.selected_text() for block in self._between())
        return "\n\n".join(part for part in parts if part)

    def clear(self) -> None:
        """Select nothing."""
        self._timer.stop()
        if self.spans():
            for block in self._between():
                _select(block, block.textCursor().position(), block.textCursor().position())
        self._anchor = self._head = None

    def press(self, block: "TextBlock", place: QPoint, *, extend: bool) -> bool:
        """Begin a selection at `place` of a block; True: it was extended to there instead."""
        point = Point(block, block.cursorForPosition(place).position())
        if extend and self._anchor is not None and shiboken6.isValid(self._anchor.block):
            self._select_to(point)
            return self.spans()
        former = self._anchor.block if self._anchor is not None else None
        self.clear()
        if former is not None and former is not block and shiboken6.isValid(former):
            _select(former, 0, 0)
        self._anchor = self._head = point
        return False

    def drag(self, pointer: QPoint) -> bool:
        """Select to `pointer` (of the screen); False: it is in the block where it began."""
        self._pointer = pointer
        if self._anchor is None or not shiboken6.isValid(self._anchor.block):
            return False
        spanned = self.spans()
        point = self._point_at(pointer)
        if point is None or (point.block is self._anchor.block and not spanned):
            return False
        self._select_to(point)
        self._timer.start() if self._overshoot() else self._timer.stop()
        return True

    def release(self) -> None:
        """Go on no further: the button is up."""
        self._timer.stop()

    def press_key(self, block: "TextBlock", event: QKeyEvent) -> bool:
        """Do what a key that selects does at the ends of a block; True: it is done."""
        if event.matches(_Keys.SelectAll):
            self._select_all(block)
            return True
        for key, (move, step) in _MOVES.items():
            if event.matches(key):
                return self._extend(block, move, step)
        if event.matches(_Keys.Copy):
            return False
        if self.spans() and event.text() == "" and not event.modifiers():
            self.clear()
        return False

    def _extend(self, block: "TextBlock", move: QTextCursor.MoveOperation, step: int) -> bool:
        if not self.spans():
            cursor = block.textCursor()
            self._anchor = Point(block, cursor.anchor())
            self._head = Point(block, cursor.position())
        if self._head is None:
            return False
        block, position = self._head
        cursor = QTextCursor(block.document())
        cursor.setPosition(position)
        if not cursor.movePosition(move):
            beside = self._beside(block, step)
            if beside is None:
                return self.spans()
            block = beside
            cursor = QTextCursor(block.document())
            cursor.movePosition(_Move.Start if step > 0 else _Move.End)
        elif not self.spans():
            return False  # inside one block Qt does it
        self._select_to(Point(block, cursor.position()))
        self._transcript.show_place(block, block.cursorRect(cursor).center().y())
        return True

    def _beside(self, block: "TextBlock", step: int) -> "TextBlock | None":
        blocks = self._blocks()
        place = blocks.index(block) + step if step and block in blocks else -1
        return blocks[place] if 0 <= place < len(blocks) else None

    def _select_all(self, block: "TextBlock") -> None:
        """Select the whole message, and the whole conversation the second time."""
        view = next((v for v in self._transcript.views() if block in v.blocks()), None)
        blocks = [block] if view is None else view.blocks()
        whole = (Point(blocks[0], 0), Point(blocks[-1], _end(blocks[-1])))
        if (self._anchor, self._head) == whole:
            self._transcript.build_all()
            blocks = self._blocks()
        self._select_to(Point(block, block.textCursor().position()))  # takes an old one away
        self._anchor = Point(blocks[0], 0)
        self._select_to(Point(blocks[-1], _end(blocks[-1])))

    def _select_to(self, point: Point) -> None:
        former = self._between() if self.spans() else []
        self._head = point
        now = self._between()
        for block in former:
            if block not in now and shiboken6.isValid(block):
                _select(block, 0, 0)
        anchor = self._anchor
        if anchor is None:
            return
        if anchor.block is point.block:
            _select(anchor.block, anchor.position, point.position)
            return
        forward = now[0] is anchor.block
        for block in now:
            start, end = (0, _end(block)) if forward else (_end(block), 0)
            start = anchor.position if block is anchor.block else start
            end = point.position if block is point.block else end
            _select(block, start, end)

    def _between(self) -> "list[TextBlock]":
        """Return the blocks from the one end to the other, in the order of reading."""
        if self._anchor is None or self._head is None:
            return []
        blocks = self._blocks()
        ends = [self._anchor.block, self._head.block]
        if any(end not in blocks for end in ends):
            return []
        first, last = sorted(blocks.index(end) for end in ends)
        return blocks[first : last + 1]

    def _blocks(self) -> "list[TextBlock]":
        return [block for view in self._transcript.views() for block in view.blocks()]

    def _point_at(self, pointer: QPoint) -> Point | None:
        """Return the place in the text that is nearest to a place of the screen."""
        block = None
        for block in self._blocks():
            inside = block.viewport().mapFromGlobal(pointer)
            if inside.y() < 0:
                return Point(block, 0)
            if inside.y() < block.viewport().height():
                return Point(block, block.cursorForPosition(inside).position())
        return None if block is None else Point(block, _end(block))

    def _overshoot(self) -> int:
        """Return how far the pointer is above (negative) or below the view."""
        view = self._transcript.viewport()
        y = view.mapFromGlobal(self._pointer).y()
        return min(y, 0) + max(y - view.height(), 0)

    def _scroll_on(self) -> None:
        bar = self._transcript.verticalScrollBar()
        bar.setValue(bar.value() + self._overshoot() // 2)
        self.drag(self._pointer)


def _end(block: "TextBlock") -> int:
    return block.document().characterCount() - 1


def _select(block: "TextBlock", start: int, end: int) -> None:
    sideways = block.horizontalScrollBar().value()
    cursor = block.textCursor()
    cursor.setPosition(start)
    cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
    block.setTextCursor(cursor)
    block.horizontalScrollBar().setValue(sideways)  # Qt went to the cursor
