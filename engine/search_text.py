"""Text as the search sees it: words, and pairs of characters where a script has no spaces.

Case, accents and full-width forms do not matter. SQLite's own tokenizers see a run of Chinese
as one word, or miss words of two characters; so "全文搜索" is indexed as 全文 文搜 搜索 索. A word
is found by its beginning, a run of Chinese anywhere.
"""

import re
import unicodedata
from collections.abc import Sequence

Span = tuple[int, int]
"""(first character, character after the last)."""

_MAX_TERMS = 32
_MAX_QUERY_CHARACTERS = 1000
_SNIPPET_BEFORE, _SNIPPET_AFTER = 30, 90
_UNSPACED = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af"
FIRST_UNSPACED = _UNSPACED[0]
"""No character before it is of such a script."""
RUN = re.compile(f"[{_UNSPACED}]+")
"""A run of a script without spaces."""
WORD = re.compile(f"[^\\W_{_UNSPACED}]+")
"""A word of any other script; of folded text."""
TERM = re.compile(f"{RUN.pattern}|{WORD.pattern}")
_WORD_START = f"(?<![^\\W_{_UNSPACED}])"


class _Folded(dict[str, str]):
    """What each character becomes: no case, no accent, no width; possibly several or none."""

    def __missing__(self, character: str) -> str:
        parts = unicodedata.normalize("NFKD", character)
        folded = "".join(part for part in parts if not unicodedata.combining(part)).casefold()
        self[character] = folded
        return folded


_FOLDED = _Folded()


def index_text(text: str) -> str:
    """Return what the full-text index is given of `text`: tokens with spaces between them."""
    return RUN.sub(lambda run: f" {' '.join(_pairs(run[0]))} ", fold(text))


def match_expression(query: str) -> str:
    """Return an FTS5 expression for texts that hold all words of `query`; "" if it has none."""
    terms = []
    for term in _terms(query):
        if len(term) > 1 and RUN.match(term):
            terms.append('"' + " ".join(_pairs(term)[:-1]) + '"')
        else:
            terms.append(f'"{term}"*')
    return " AND ".join(terms)


def find_words(text: str, query: str) -> list[Span]:
    """Return where the words of `query` are in `text`, as the search finds them."""
    terms = sorted(set(_terms(query)), key=len, reverse=True)
    if not terms:
        return []
    patterns = (term if RUN.match(term) else _WORD_START + re.escape(term) for term in terms)
    return _find(text, "|".join(patterns))


def find_text(text: str, wanted: str) -> list[Span]:
    """Return where `wanted` is in `text`, inside words too; for finding in one conversation."""
    folded = fold(wanted)
    return _find(text, re.escape(folded)) if folded else []


def snippet(text: str, query: str) -> tuple[str, tuple[Span, ...]]:
    """Return a line of `text` around its first match, and where the words of `query` are in it."""
    matches = find_words(text, query)
    first = matches[0][0] if matches else 0
    start = max(0, first - _SNIPPET_BEFORE)
    end = min(len(text), first + _SNIPPET_AFTER)
    before, after = "…" if start else "", "…" if end < len(text) else ""
    line = re.sub(r"[\s\x00-\x1f\x7f-\x9f]", " ", text[start:end])  # one for one
    move = len(before) - start
    spans = tuple((a + move, min(b, end) + move) for a, b in matches if a < end)
    return before + line + after, spans


def is_unspaced(word: str) -> bool:
    """Return whether a word is of a script without spaces."""
    return RUN.match(word) is not None


def _terms(query: str) -> Sequence[str]:
    return TERM.findall(fold(query[:_MAX_QUERY_CHARACTERS]))[:_MAX_TERMS]


def _pairs(run: str) -> list[str]:
    """Return each character with the next one; so each begins a token, the last one alone."""
    return [run[i : i + 2] for i in range(len(run))]


def fold(text: str) -> str:
    """Return `text` without case, accents and width."""
    if text.isascii():
        return text.lower()
    return "".join(map(_FOLDED.__getitem__, text))


def _find(text: str, pattern: str) -> list[Span]:
    folded = fold(text)
    spans = [match.span() for match in re.finditer(pattern, folded)]
    if not spans or text.isascii():
        return spans
    # Which character of the text each folded one comes from.
    source = [i for i, character in enumerate(text) for _ in _FOLDED[character]]
    return [(source[start], source[end - 1] + 1) for start, end in spans]
