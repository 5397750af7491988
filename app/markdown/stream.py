"""From growing text to leaves: work for each piece depends on the open block, not on the answer."""

import re
from dataclasses import dataclass, replace

from app.markdown.leaves import Leaf, flatten, split_units
from app.markdown.syntax import parse_blocks

_FENCE = re.compile(r"(`{3,}|~{3,})[^\n]*\n")
_FENCE_BEGUN = re.compile(r" {0,3}(`+|~+)")
"""Probably the end of the fence, of which only a part has come."""


@dataclass(frozen=True)
class Change:
    """Leaves from `index` on are now `leaves`; those before stay as they are for ever."""

    index: int
    leaves: list[Leaf]


@dataclass
class _Fence:
    """Code whose fence is open: its lines need no parser."""

    leaf: Leaf
    end: re.Pattern[str]


class StreamParser:
    """Keeps only the text of the open block; `feed` it pieces of any size, then `finish`."""

    def __init__(self) -> None:
        self._closed = 0
        self._tail = ""
        self._number: int | None = None
        self._fence: _Fence | None = None
        self._carriage_return = False

    def feed(self, text: str) -> Change:
        """Take more text."""
        if self._carriage_return:
            text = "\r" + text
        self._carriage_return = text.endswith("\r")  # half of a line's end, perhaps
        text = text.removesuffix("\r") if self._carriage_return else text
        self._tail += text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
        return self._change()

    def finish(self) -> Change:
        """Take note that no more text will come."""
        if self._carriage_return or (self._tail and not self._tail.endswith("\n")):
            self._tail += "\n"  # the last line is complete now
            self._carriage_return = False
        change = self._change()
        settled = [replace(leaf, growing=False) for leaf in change.leaves]
        return replace(change, leaves=settled)

    def _change(self) -> Change:
        index = self._closed
        leaves: list[Leaf] = []
        if self._fence is not None:
            leaves.append(self._grow(self._fence))
        if self._fence is None:
            leaves += self._close_units()
            leaves += self._open_leaves()
        return Change(index, leaves)

    def _grow(self, fence: _Fence) -> Leaf:
        """Move complete lines of code out of the tail, up to the end of the fence."""
        end = fence.end.search(self._tail)
        complete = end.start() if end else self._tail.rfind("\n") + 1
        grown = fence.leaf.text + self._tail[:complete]
        if end:
            self._tail = self._tail[end.end() :]
            self._fence = None
            self._closed += 1
            return replace(fence.leaf, text=grown.removesuffix("\n"), growing=False)
        self._tail = self._tail[complete:]
        fence.leaf = replace(fence.leaf, text=grown)
        begun = "" if _FENCE_BEGUN.fullmatch(self._tail) else self._tail
        return replace(fence.leaf, text=(grown + begun).removesuffix("\n"))

    def _close_units(self) -> list[Leaf]:
        """Cut off the units that complete lines have ended; return their leaves."""
        complete = self._tail[: self._tail.rfind("\n") + 1]
        tokens = parse_blocks(complete, continues_list=self._number is not None)
        units = split_units(tokens, self._number)
        if len(units) < 2:
            return []
        leaves = [leaf for unit in units[:-1] for leaf in flatten(unit.tokens)]
        self._closed += len(leaves)
        self._number = units[-2].next_number if units[-1].same_list else None
        lines = self._tail.split("\n")
        self._tail = "\n".join(lines[units[-1].first_line :])
        return leaves

    def _open_leaves(self) -> list[Leaf]:
        opening = _FENCE.match(self._tail)
        tokens = parse_blocks(self._tail, continues_list=self._number is not None)
        leaves = [
            leaf for unit in split_units(tokens, self._number) for leaf in flatten(unit.tokens)
        ]
        if opening and tokens and tokens[0].type == "fence":
            mark = opening[1]
            end = re.compile(rf"^ {{0,3}}{mark[0]}{{{len(mark)},}}[ \t]*\n", re.MULTILINE)
            if not end.search(self._tail, opening.end()):
                self._tail = self._tail[opening.end() :]
                self._fence = _Fence(replace(leaves[0], text="", growing=True), end)
                return [self._grow(self._fence)]
        return leaves
