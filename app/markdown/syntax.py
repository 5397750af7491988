"""The Markdown that answers are written in: CommonMark with tables, strikethrough and LaTeX.

What would let later text change earlier blocks is left out (reference definitions, underlined
headings), and so is what would reach outside (HTML). The rules for formulas are made so that a
line, once it is complete, never changes what the lines before it mean.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

SCHEMES: Final = ("http", "https", "mailto")
"""Links to anything else are shown as they were written."""
CONTINUES_LIST: Final = "continues_list"
"""Key of the environment: the first line is an item of a list that began before it."""

_MAX_NESTING: Final = 100
_DISPLAY: Final = {"$$": "$$", "\\[": "\\]"}
_INLINE: Final = {"$$": "$$", "\\[": "\\]", "\\(": "\\)", "$": "$"}


def parse_blocks(source: str, *, continues_list: bool = False) -> list[Token]:
    """Return the block tokens of `source`; the inline ones in them are not parsed."""
    return _BLOCKS.parse(source, {CONTINUES_LIST: continues_list})


def parse_inline(source: str) -> Sequence[Token]:
    """Return the inline tokens of one paragraph, heading or table cell."""
    return _INLINES.parseInline(source)[0].children or []


def is_web_link(address: str) -> bool:
    """True for an address that may be offered to the system's browser."""
    try:
        return urlsplit(address).scheme.lower() in SCHEMES
    except ValueError:  # a malformed host
        return False


def _make_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": _MAX_NESTING})
    parser.enable(["table", "strikethrough"])
    parser.disable(["reference", "lheading", "html_block", "html_inline"])
    parser.validateLink = is_web_link  # type: ignore[method-assign,assignment]
    table = next(rule.fn for rule in parser.block.ruler.__rules__ if rule.name == "table")

    def table_unless_item(state: StateBlock, start: int, end: int, silent: bool) -> bool:
        # A list's next item wins over a table; where its text is parsed anew it must, too.
        if start == 0 and state.env.get(CONTINUES_LIST) and state.level == 0:
            return False
        if _line(state, start).startswith(("```", "~~~")):
            return False  # its next line must not turn code into a table
        return table(state, start, end, silent)

    parser.block.ruler.at("table", table_unless_item, {"alt": ["paragraph", "reference"]})
    parser.block.ruler.before(
        "fence", "formula", _block_formula, {"alt": ["paragraph", "blockquote", "list"]}
    )
    parser.inline.ruler.before("escape", "formula", _inline_formula)
    return parser


def _block_formula(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Take a line that begins with $$ or \\[, and all lines to the one that ends it.

    A blank line ends it as well; `meta["closed"]` is False then, and it is shown as text.
    """
    if state.is_code_block(start):
        return False
    first = _line(state, start)
    opening = first[:2]
    closing = _DISPLAY.get(opening)
    if closing is None:
        return False
    rest = first[2:].rstrip()
    if closing in rest[: -len(closing)] or (rest.endswith(closing) and not rest[:-2].strip()):
        return False  # text behind the formula: it belongs to a paragraph
    if silent:
        return True
    last, closed = start, rest.endswith(closing)
    while not closed and last + 1 < end and not state.isEmpty(last + 1):
        if state.sCount[last + 1] < state.blkIndent:
            break
        last += 1
        closed = _line(state, last).rstrip().endswith(closing)
    source = "\n".join(_line(state, number).strip() for number in range(start, last + 1))
    token = state.push("formula", "", 0)
    token.content = source[2:-2].strip() if closed else source
    token.meta = {"closed": closed}
    token.map = [start, last + 1]
    state.line = last + 1
    return True


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]


def _inline_formula(state: StateInline, silent: bool) -> bool:
    source, start = state.src, state.pos
    opening = next((mark for mark in _INLINE if source.startswith(mark, start)), None)
    if opening is None:
        return False
    closing = _INLINE[opening]
    begin = start + len(opening)
    end = _find_unescaped(source, closing, begin)
    if end < 0 or not source[begin:end].strip():
        return False
    if opening == "$" and not _is_formula(source, begin, end):
        return False
    if not silent:
        token = state.push("formula", "", 0)
        token.content = source[begin:end].strip()
        token.markup = opening
    state.pos = end + len(closing)
    return True


def _is_formula(source: str, begin: int, end: int) -> bool:
    """Tell $x$ from the prices in "between $5 and $6"."""
    inside = source[begin:end]
    return not (inside[0].isspace() or inside[-1].isspace() or source[end + 1 : end + 2].isdigit())


def _find_unescaped(source: str, mark: str, start: int) -> int:
    position = source.find(mark, start)
    while position > 0 and mark.startswith("$") and source[position - 1] == "\\":
        position = source.find(mark, position + 1)
    return position


_BLOCKS: Final = _make_parser().disable("inline")
_INLINES: Final = _make_parser()
