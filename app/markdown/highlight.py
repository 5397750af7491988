"""Which colour each word of source code has, as Pygments reads it."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Keyword, Name, Number, Operator, String, _TokenType
from pygments.util import ClassNotFound

Span = tuple[int, int, str]
"""Start and length in a line, in UTF-16 units, and the name of a colour of the theme."""


def spans_by_line(language: str, source: str) -> Iterator[list[Span]]:
    """Yield what is to be coloured in each line of `source`; nothing for an unknown language."""
    lexer = _lexer(language)
    if lexer is None:
        return
    line: list[Span] = []
    position = 0
    for kind, value in lexer.get_tokens(source):
        name = _color_name(kind)
        for index, part in enumerate(value.split("\n")):
            if index:
                yield line
                line, position = [], 0
            length = len(part.encode("utf-16-le")) // 2
            if name and length:
                line.append((position, length, name))
            position += length
    if line:
        yield line


@lru_cache(maxsize=256)
def _color_name(kind: _TokenType) -> str:
    """Return which colour of the theme tokens of `kind` have; none: that of the text."""
    for parent, name in _COLOR_NAMES.items():
        if kind in parent:
            return name
    return ""


_COLOR_NAMES: Final = {
    Comment: "code_comment",
    Keyword: "code_keyword",
    Operator.Word: "code_keyword",
    Name.Tag: "code_keyword",
    String: "code_string",
    Number: "code_number",
    Name.Function: "code_name",
    Name.Class: "code_name",
    Name.Decorator: "code_name",
    Name.Attribute: "code_name",
    Name.Builtin: "code_name",
}


@lru_cache(maxsize=64)
def _lexer(language: str) -> Lexer | None:
    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None
