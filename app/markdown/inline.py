"""Words with emphasis, code, links and formulas, written into a text document."""

import re
from collections.abc import Sequence
from typing import Final

from markdown_it.token import Token
from PySide6.QtGui import QColor, QFont, QTextCharFormat, QTextCursor

from app import theme
from app.markdown.formula import formula_format
from app.markdown.syntax import is_web_link, parse_inline

_LINE: Final = "\u2028"
_CLOSING: Final = {"$$": "$$", "\\[": "\\]", "\\(": "\\)", "$": "$"}
_ADDRESS: Final = re.compile(r"https?://[A-Za-z0-9][^\s<>\"'`，。；：！？、（）【】《》“”‘’]*")


class InlineWriter:
    """Writes the inline Markdown of one leaf at a cursor."""

    def __init__(self, cursor: QTextCursor, base: QTextCharFormat) -> None:
        self._cursor = cursor
        self._formats = [base]
        self.has_formula = False

    def write(self, source: str) -> None:
        """Write `source`; a line's end stays one, as in what the model wrote."""
        self._write(parse_inline(source))

    def _write(self, tokens: Sequence[Token]) -> None:
        for token in tokens:
            if token.nesting > 0:
                self._formats.append(self._opened(token))
            elif token.nesting < 0:
                self._formats.pop()
            else:
                self._write_one(token)

    def _opened(self, token: Token) -> QTextCharFormat:
        style = QTextCharFormat(self._formats[-1])
        if token.type == "strong_open":
            style.setFontWeight(QFont.Weight.Bold)
        elif token.type == "em_open":
            style.setFontItalic(True)
        elif token.type == "s_open":
            style.setFontStrikeOut(True)
        elif token.type == "link_open":
            _make_link(style, str(token.attrGet("href") or ""))
        return style

    def _write_one(self, token: Token) -> None:
        style = self._formats[-1]
        if token.type in ("softbreak", "hardbreak"):
            self._cursor.insertText(_LINE, style)
        elif token.type == "code_inline":
            self._cursor.insertText(token.content, _code(style))
        elif token.type == "formula":
            self._write_formula(token, style)
        elif token.type == "image":  # never fetched
            address = str(token.attrGet("src") or "")
            words = f"{token.content} ({address})" if token.content else address
            self._cursor.insertText(words, style)
        else:
            self._write_text(token.content, style)

    def _write_formula(self, token: Token, style: QTextCharFormat) -> None:
        displayed = token.markup in ("$$", "\\[")
        source = token.markup + token.content + _CLOSING[token.markup]
        drawn = formula_format(token.content, source, style, displayed=displayed)
        if drawn is None:
            self._cursor.insertText(source, _code(style))
        else:
            self._cursor.insertText("\ufffc", drawn)
            self.has_formula = True

    def _write_text(self, text: str, style: QTextCharFormat) -> None:
        """Write text; bare web addresses in it become links."""
        written = 0
        for match in () if style.isAnchor() else _ADDRESS.finditer(text):
            address = match[0].rstrip(".,:;!?*_~")
            if address.endswith(")") and "(" not in address:
                address = address[:-1]
            if is_web_link(address):
                self._cursor.insertText(text[written : match.start()], style)
                link = QTextCharFormat(style)
                _make_link(link, address)
                self._cursor.insertText(address, link)
                written = match.start() + len(address)
        self._cursor.insertText(text[written:], style)


def _code(style: QTextCharFormat) -> QTextCharFormat:
    code = QTextCharFormat(style)
    code.setFontFamilies(theme.code_font().families())
    code.setFontPointSize(style.fontPointSize() * theme.CODE_SCALE)
    code.setBackground(QColor(theme.colors().code))
    return code


def _make_link(style: QTextCharFormat, address: str) -> None:
    style.setAnchor(True)
    style.setAnchorHref(address)
    style.setForeground(QColor(theme.colors().accent))
    style.setFontUnderline(True)
    style.setToolTip(address)
