"""HTML, CSS, JavaScript, wiki and Markdown marks that are not text."""

import html
import re
from dataclasses import dataclass
from typing import ClassVar

from training.cleaning.normalise import normalise
from training.cleaning.records import Rewriter

_BLOCK_TAGS = (
    "address article aside blockquote body br button caption center dd details dialog dir div dl "
    "dt fieldset figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 head header hr html "
    "iframe legend li link main menu meta nav noscript ol option p pre section select summary "
    "table tbody td textarea tfoot th thead title tr ul video audio"
)
_INLINE_TAGS = (
    "a abbr acronym area b base basefont bdi bdo big canvas cite code col colgroup data datalist "
    "del dfn em embed font frame i img input ins kbd label map mark meter noframes object "
    "optgroup output param picture progress q rp rt ruby s samp slot small source span strike "
    "strong sub sup svg template time track tt u var wbr"
)


def _tag(names: str) -> re.Pattern[str]:
    return re.compile(rf"</?(?:{'|'.join(names.split())})(?:[\s/][^<>]*)?>", re.IGNORECASE)


# As in a browser, an element that is never closed reaches to the end.
_HIDDEN = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style)\b[^<>]*>.*?(?:</\1\s*>|\Z)|<!doctype[^<>]*>|<\?xml[^<>]*>",
    re.IGNORECASE | re.DOTALL,
)
_BLOCK, _INLINE = _tag(_BLOCK_TAGS), _tag(_INLINE_TAGS)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]\w{1,30});")

_CSS_PROPERTY = (
    r"(?:align|animation|background|border|bottom|box|clear|color|content|cursor|display|filter|"
    r"flex|float|font|grid|height|justify|left|letter|line|list|margin|max|min|opacity|order|"
    r"outline|overflow|padding|pointer|position|right|src|text|top|transform|transition|"
    r"vertical|visibility|white|width|word|z)(?:-[a-z-]+)?"
)
_CODE_LINE = re.compile(
    rf"""
    [^{{}}\n]*\{{\s*{_CSS_PROPERTY}\s*:[^{{}}\n]*\}}?          # .menu {{ color: red; }}
    | {_CSS_PROPERTY}\s*:[^;{{}}\n。，]*;\s*\}}?               # color: red;
    | (?:@media|@import|@font-face|@charset)\b.*
    | [.\#@*]?[\w\-.\#:>,\s*]*\{{                              # .menu li a {{
    | (?:var|let|const)\s+[\w$]+\s*=.*
    | (?:async\s+)?function\b\s*[\w$]*\(.*
    | (?:\$|jQuery|document|window|console|location)\s*[.(\[].*[;{{(,]
    | (?:\(?function\s*\(|if\s*\(|for\s*\(|while\s*\(|switch\s*\(|\}}\s*else).*\{{
    | return\b[^.。]*;
    | [\w$]+(?:\.[\w$]+)+\s*[=(].*;                           # script.src = "x";
    | [\w$.]+\s*=\s*(?:function|\{{|\[|new\s).*
    | [\s{{}}()\[\];,]+
    """,
    re.VERBOSE,
)
_CODE_SIGNS = ("{", "}", ";\n")

_WIKI = (
    ("{{", re.compile(r"\{\{[^{}]*\}\}"), ""),
    ("{|", re.compile(r"^\{\|.*?(?:^\|\}|\Z)", re.MULTILINE | re.DOTALL), ""),
    (
        "[[",
        re.compile(
            r"\[\[(?:File|Image|Category|Media|文件|檔案|图像|图片|分类|分類)\s*:[^\[\]]*\]\]", re.I
        ),
        "",
    ),
    ("[[", re.compile(r"\[\[(?:[^\[\]|]*\|)?([^\[\]|]*)\]\]"), r"\1"),
    ("[http", re.compile(r"\[https?://[^\s\[\]]+[ \t]+([^\[\]\n]*)\]"), r"\1"),
    ("'''", re.compile(r"'{3,5}([^'\n]+)'{3,5}"), r"\1"),
    ("==", re.compile(r"^(={2,6})[ \t]*([^=\n]+?)[ \t]*\1$", re.MULTILINE), r"\2"),
    ("__", re.compile(r"__(?:NO|FORCE)?(?:TOC|EDITSECTION|INDEX)__"), ""),
    (
        "[",
        re.compile(r"\[(?:edit|编辑|編輯|citation needed|来源请求|來源請求|注 ?\d{1,3})\]"),
        "",
    ),
)
_MARKDOWN = (
    ("![", re.compile(r"!\[[^\[\]\n]*\]\([^()\s]*(?:[ \t][^()\n]*)?\)"), ""),
    ("](", re.compile(r"\[([^\[\]\n]*)\]\([^()\s]*(?:[ \t][^()\n]*)?\)"), r"\1"),
    ("#", re.compile(r"^#{1,6}[ \t]+(?=\S)", re.MULTILINE), ""),
    (
        "**",
        re.compile(r"(?<![A-Za-z0-9*])\*\*(?=[^\s*])([^*\n]+)(?<=\S)\*\*(?![A-Za-z0-9*])"),
        r"\1",
    ),
    ("__", re.compile(r"(?<!\w)__(?=[^\s_])([^_\n]+)(?<=\S)__(?!\w)"), r"\1"),
    ("~~", re.compile(r"~~(?=\S)([^~\n]+)(?<=\S)~~"), r"\1"),
    ("---", re.compile(r"^[|: \t]*-{3,}[-|: \t]*$", re.MULTILINE), ""),
)
_REFERENCE = re.compile(r"\[\d")
_REFERENCES = re.compile(r" ?(?:\[[1-9]\d{0,2}\])+")
_REFERENCE_FOLLOWS = re.compile(r"(?:\w{3}|[^\x00-\x7f]|[.!?\"')\]])\Z")
"""What stands before a reference mark, but not before the index of a[3] or a list [4]."""


@dataclass(kw_only=True)
class Markup(Rewriter):
    """Strips what a page's source has around its text; scripts and styles go with their content."""

    name: ClassVar[str] = "markup"
    html_only: bool = False
    """Nothing but HTML goes: for posts that quote source code."""

    def clean(self, text: str) -> str:
        """Return the text alone."""
        if self.html_only:
            return normalise(_without_html(text))
        # Taking one mark away can complete another ({{a {{b}}}}); each round makes text shorter.
        while (stripped := _strip(text)) != text:
            text = stripped
        return text


def _without_html(text: str) -> str:
    if "<" in text:
        text = _HIDDEN.sub("\n", text)
        text = _INLINE.sub("", _BLOCK.sub("\n", text))
    if "&" in text:
        text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    return text


def _strip(text: str) -> str:
    text = _without_html(text)
    if any(sign in text for sign in _CODE_SIGNS) or text.endswith(";"):
        text = "\n".join(line for line in text.split("\n") if not _is_code(line.strip()))
    for sign, pattern, replacement in _WIKI + _MARKDOWN:
        # One character is found much faster than several.
        if sign[0] in text and sign in text:
            text = pattern.sub(replacement, text)
    if _REFERENCE.search(text):
        text = _REFERENCES.sub(_without_reference, text)
    return normalise(text)


def _without_reference(match: re.Match[str]) -> str:
    before = match.string[max(0, match.start() - 3) : match.start()]
    return "" if _REFERENCE_FOLLOWS.search(before) else match[0]


def _is_code(line: str) -> bool:
    return bool(line) and _CODE_LINE.fullmatch(line) is not None
