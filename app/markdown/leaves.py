"""Leaves: the paragraphs, headings, code blocks, tables and formulas, in the order of reading.

Lists and quotes are flattened: a leaf knows how deep it stands and which marker goes before it.
Equal leaves look equal, so a view need only touch those that changed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from markdown_it.token import Token

Kind = Literal["paragraph", "heading", "rule", "code", "table", "formula"]

_BULLETS: Final = ("•", "◦", "▪")
_TASKS: Final = {"[ ] ": "☐", "[x] ": "☑", "[X] ": "☑"}


@dataclass(frozen=True)
class Leaf:
    """One block without blocks in it. `text` is Markdown (prose), source code or LaTeX."""

    kind: Kind
    text: str = ""
    marker: str = ""
    """What stands before the first paragraph of a list item."""
    containers: tuple[Literal["quote", "list"], ...] = ()
    """What it stands in, from the outside."""
    level: int = 0
    """Of a heading, 1 to 6."""
    language: str = ""
    growing: bool = False
    """Of code: its fence is still open and more is to come."""
    rows: tuple[tuple[str, ...], ...] = ()
    """Cells of a table as Markdown; the first row is its head."""
    alignments: tuple[str, ...] = ()
    """Of a table's columns: "left", "center", "right" or ""."""

    @property
    def is_prose(self) -> bool:
        """True where leaves of its kind can share one widget."""
        return self.kind in ("paragraph", "heading", "rule")


@dataclass(frozen=True)
class Unit:
    """A top-level block, or one item of a top-level list: what is parsed on its own."""

    first_line: int
    end_line: int
    tokens: tuple[Token, ...]
    next_number: int | None
    """Of the list's next item; None where this is not an item."""
    same_list: bool = False
    """The unit before is an item of the same list."""


def split_units(tokens: Sequence[Token], number: int | None) -> list[Unit]:
    """Cut top-level tokens into units. `number` is that of the first item, if it goes on a list."""
    units: list[Unit] = []
    for block in _top_level(tokens):
        if not block[0].type.endswith("_list_open"):
            first, end = block[0].map or (0, 0)
            units.append(Unit(first, end, tuple(block), None))
            continue
        start = block[0].attrGet("start")
        count = int(start) if start is not None else 1
        if number is not None and not units:
            count = number
        for index, item in enumerate(_top_level(block[1:-1])):
            first, end = item[0].map or (0, 0)
            own = replace_start(block[0], count)
            count += 1
            units.append(Unit(first, end, (own, *item, block[-1]), count, index > 0))
    return units


def replace_start(opening: Token, number: int) -> Token:
    """Return a list's opening token that counts from `number`."""
    return replace(opening, attrs={**opening.attrs, "start": number})


def flatten(tokens: Sequence[Token]) -> Iterator[Leaf]:
    """Yield the leaves of block tokens."""
    walk = _Walk()
    for index, token in enumerate(tokens):
        yield from walk.enter(tokens, index, token)


class _Walk:
    """Where in lists and quotes the walk over the tokens is."""

    def __init__(self) -> None:
        self.containers: list[Literal["quote", "list"]] = []
        self.numbers: list[int | None] = []
        self.marker = ""

    def enter(self, tokens: Sequence[Token], index: int, token: Token) -> Iterator[Leaf]:
        if token.type in ("bullet_list_open", "ordered_list_open"):
            start = token.attrGet("start")
            ordered = token.type == "ordered_list_open"
            self.numbers.append((int(start) if start is not None else 1) if ordered else None)
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            self.numbers.pop()
        elif token.type in ("list_item_open", "blockquote_open"):
            yield from self._pending()
            self.containers.append("list" if token.type == "list_item_open" else "quote")
            if token.type == "list_item_open":
                self.marker = self._next_marker(token)
        elif token.type in ("list_item_close", "blockquote_close"):
            yield from self._pending()
            self.containers.pop()
        else:
            yield from self._leaf(tokens, index, token)

    def _next_marker(self, item: Token) -> str:
        number = self.numbers[-1]
        if number is None:
            return _BULLETS[min(self.numbers.count(None), len(_BULLETS)) - 1]
        self.numbers[-1] = number + 1
        return f"{number}{item.markup}"

    def _pending(self) -> Iterator[Leaf]:
        """Show the marker of an item that does not begin with a paragraph."""
        if self.marker:
            yield self._made("paragraph")

    def _made(self, kind: Kind, text: str = "") -> Leaf:
        marker, self.marker = self.marker, ""
        if marker and (task := _TASKS.get(text[:4])):
            marker, text = task, text[4:]
        return Leaf(kind, text, marker, tuple(self.containers))

    def _leaf(self, tokens: Sequence[Token], index: int, token: Token) -> Iterator[Leaf]:
        if token.type == "paragraph_open":
            yield self._made("paragraph", tokens[index + 1].content)
        elif token.type == "heading_open":
            heading = self._made("heading", tokens[index + 1].content)
            yield replace(heading, level=int(token.tag[1:]))
        elif token.type == "formula" and not token.meta["closed"]:
            yield self._made("paragraph", token.content)
        elif token.type in ("hr", "fence", "code_block", "formula", "table_open"):
            yield from self._pending()
            yield self._block(tokens, index, token)

    def _block(self, tokens: Sequence[Token], index: int, token: Token) -> Leaf:
        if token.type == "hr":
            return self._made("rule")
        if token.type == "formula":
            return self._made("formula", token.content)
        if token.type == "table_open":
            rows, alignments = _cells(tokens[index:])
            return replace(self._made("table"), rows=rows, alignments=alignments)
        words = token.info.split()
        code = self._made("code", token.content.removesuffix("\n"))
        return replace(code, language=words[0] if words else "")


def _top_level(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    depth = start = 0
    for index, token in enumerate(tokens):
        depth += token.nesting
        if depth == 0:
            yield tokens[start : index + 1]
            start = index + 1


def _cells(tokens: Sequence[Token]) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    rows: list[list[str]] = []
    alignments: list[str] = []
    for index, token in enumerate(tokens):
        if token.type == "table_close":
            break
        if token.type == "tr_open":
            rows.append([])
        elif token.type in ("th_open", "td_open"):
            rows[-1].append(tokens[index + 1].content)
            if len(rows) == 1:
                alignments.append(str(token.attrGet("style") or "").removeprefix("text-align:"))
    return tuple(tuple(row) for row in rows), tuple(alignments)
