"""Web pages: what a reader sees of them, without menus, scripts and styles.

The standard library's parser: forgiving, without a tree, and nothing to install.
"""

import re
from html.parser import HTMLParser

from engine.documents.document import Document
from engine.documents.reading.builder import DocumentBuilder
from engine.documents.reading.encoding import decode
from engine.documents.reading.words import join_lines, words

_DECLARED = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w:.-]{1,40})|<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w:.-]{1,40})""",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"<!--(?:-?>|.*?(?:--!?>|\Z))", re.DOTALL)
_HEAD = 4096
"""Bytes within which a page declares its encoding."""
_HIDDEN = words("script style template noscript svg math nav object iframe select")
_VOID = words("area base br col embed hr img input link meta source track wbr")
_BLOCKS = words(
    "address article aside blockquote body center dd details dialog div dl dt fieldset "
    "figcaption figure footer form header hgroup hr html legend main menu ol p section "
    "summary ul"
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_CELLS = ("td", "th")
_LISTS = ("li", "ul", "ol")


def declared_encoding(data: bytes) -> str:
    """Return the encoding that a page names, "" if it names none."""
    match = _DECLARED.search(data[:_HEAD])
    return (match[1] or match[2]).decode("ascii", "replace") if match else ""


def read_html(data: bytes) -> Document:
    """Read a web page. It has no pages; its text is what it shows."""
    builder = DocumentBuilder("html")
    title = write_html(decode(data, declared_encoding(data)), builder)
    return builder.finish(title)


def write_html(html: str, builder: DocumentBuilder) -> str:
    """Add the text of a page to a document and return its title."""
    parser = _Text(builder)
    parser.feed(html)
    parser.close()
    parser.flush()
    return " ".join("".join(parser.title).split())


class _Text(HTMLParser):
    """Gathers inline text until a block ends."""

    def __init__(self, builder: DocumentBuilder) -> None:
        super().__init__(convert_charrefs=True)
        self.title: list[str] = []
        self._builder = builder
        self._lines: list[list[str]] = [[]]
        self._hidden_tag, self._hidden_depth = "", 0
        self._level = self._preformatted = 0
        self._in_title = self._in_item = False
        self._tables: list[bool] = []
        """The open tables; True where it holds data, False where it only arranges the page."""
        self._cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element."""
        if self._hidden_tag:
            self._hidden_depth += tag == self._hidden_tag
        elif tag in _HIDDEN or (tag not in _VOID and _is_hidden(attrs)):
            self._hidden_tag, self._hidden_depth = tag, 1
        elif tag == "title":
            self._in_title = True
        elif tag == "br":
            self._lines.append([])
        elif tag == "img":
            self._builder.has_pictures = True
        elif tag == "table":
            self._start_table()
        elif tag == "tr":
            self._end_row()
        elif tag in _CELLS:
            self._end_cell()
        elif tag in _HEADINGS:
            self._arrange_only()
            self.flush()
            self._level = _HEADINGS[tag]
        elif tag == "pre" and not self._in_data:
            self.flush()
            self._preformatted += 1
        elif tag == "li":
            self.flush()
            self._in_item = True
        elif tag in _BLOCKS:
            self.flush()

    def handle_endtag(self, tag: str) -> None:
        """End an element."""
        if self._hidden_tag:
            self._hidden_depth -= tag == self._hidden_tag
            if not self._hidden_depth:
                self._hidden_tag = ""
        elif tag == "title":
            self._in_title = False
        elif tag == "table":
            self._end_table()
        elif tag == "tr":
            self._end_row()
        elif tag in _CELLS:
            self._end_cell()
        elif tag in _HEADINGS:
            self.flush()
            self._level = 0
        elif tag == "pre" and self._preformatted:
            self.flush()
            self._preformatted -= 1
        elif tag in _LISTS:
            self.flush()
            self._in_item = False
        elif tag in _BLOCKS:
            self.flush()

    def handle_data(self, data: str) -> None:
        """Take text."""
        if self._in_title:
            self.title.append(data)
        elif not self._hidden_tag:
            self._lines[-1].append(data)

    def parse_marked_section(self, i: int, report: int = 1) -> int:  # noqa: ARG002
        """Pass over what Word writes into web pages, known to the parser or not."""
        return self.rawdata.find(">", i) + 1 or -1

    def parse_comment(self, i: int, report: int = 1) -> int:  # noqa: ARG002
        """Pass over a comment as browsers do: one that never ends hides the rest."""
        comment = _COMMENT.match(self.rawdata, i)
        return comment.end() if comment else -1

    def flush(self) -> None:
        """End a paragraph; within a cell, only a line."""
        if self._in_data:
            self._lines.append([])
            return
        lines = self._take()
        if self._preformatted:
            self._builder.code("\n".join(lines))
            return
        text = "\n".join(join_lines(line) for line in lines)
        if self._in_item and not self._level:
            self._builder.line(text)
        else:
            self._builder.paragraph(text, self._level)

    @property
    def _in_data(self) -> bool:
        return bool(self._tables) and self._tables[-1]

    def _take(self) -> list[str]:
        lines = ["".join(pieces) for pieces in self._lines]
        self._lines = [[]]
        return lines

    def _start_table(self) -> None:
        self._arrange_only()
        self.flush()
        self._tables.append(True)
        self._builder.start_table()

    def _end_cell(self) -> None:
        if self._in_data:
            self._cells.append(" ".join(join_lines(line) for line in self._take()))
        else:
            self.flush()

    def _end_row(self) -> None:
        self._end_cell()
        if self._in_data:
            self._builder.row(self._cells)
            self._cells = []

    def _end_table(self) -> None:
        if not self._tables:
            return
        self._end_row()
        if self._tables.pop():
            self._builder.end_table()

    def _arrange_only(self) -> None:
        """The open table turns out to hold headings or tables: its cells are parts of the page."""
        if self._in_data:
            self._builder.end_table()
            self._tables[-1] = False
            for cell in self._cells:
                self._builder.paragraph(cell)
            self._cells = []


def _is_hidden(attributes: list[tuple[str, str | None]]) -> bool:
    return any(
        name == "hidden" or (name == "style" and "display:none" in (value or "").replace(" ", ""))
        for name, value in attributes
    )
