"""What an answer shows, as lines of text, without a widget: to search what is not built yet."""

from app.markdown.leaves import Leaf
from app.markdown.stream import StreamParser
from app.markdown.syntax import parse_inline


def shown_lines(source: str) -> list[str]:
    """Return the lines of an answer as its blocks show them; a formula is one character."""
    parser = StreamParser()
    leaves: list[Leaf] = []
    for change in (parser.feed(source), parser.finish()):
        leaves[change.index :] = change.leaves
    return [line for leaf in leaves for line in _lines(leaf)]


def _lines(leaf: Leaf) -> list[str]:
    if leaf.kind == "code":
        return leaf.text.split("\n")
    if leaf.kind == "table":
        return [line for row in leaf.rows for cell in row for line in _inline(cell)]
    if leaf.kind == "formula":
        return ["\ufffc"]
    lines = _inline(leaf.text)
    return [f"{leaf.marker}\t{lines[0]}", *lines[1:]] if leaf.marker else lines


def _inline(source: str) -> list[str]:
    parts = []
    for token in parse_inline(source):
        if token.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif token.type == "formula":
            parts.append("\ufffc")
        elif token.type == "image":
            address = str(token.attrGet("src") or "")
            parts.append(f"{token.content} ({address})" if token.content else address)
        elif not token.nesting:
            parts.append(token.content)
    return "".join(parts).split("\n")
