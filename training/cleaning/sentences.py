"""Where sentences and lines end, in Chinese and English."""

import re

TERMINAL = tuple(".!?。！？…；;")
CLOSING = "\"'”’」』》)）]】"
_OPENING = "\"'“‘「『《(（[【"
SENTENCE = re.compile(rf"[^\s.!?。！？…][^.!?。！？…]*[.!?。！？…]*[{re.escape(CLOSING)}]*")
"""One sentence without blanks around it; a full stop inside (3.5, Mr.) cuts it, too."""
_WIDE = re.compile(
    "[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]"
)


_QUOTES = tuple("\"'”’」』")
_INNER_ENDS = (". ", "! ", "? ", "。", "！", "？", "…")


def is_ended(line: str) -> bool:
    """Tell whether a line ends as a sentence or as speech does."""
    return line.endswith(TERMINAL + _QUOTES) or line.rstrip(CLOSING).endswith(TERMINAL)


def is_one_sentence(line: str) -> bool:
    """Tell whether a line is a single sentence. (Mr. Smith makes it two: better too few.)"""
    inner = line.rstrip(CLOSING + "".join(TERMINAL))
    return is_ended(line) and not any(end in inner for end in _INNER_ENDS)


def join(first: str, second: str) -> str:
    """Put two pieces of one sentence or paragraph together: Chinese without a blank."""
    edges = first.rstrip(CLOSING)[-1:] + second.lstrip(_OPENING)[:1]
    return f"{first}{second}" if _WIDE.search(edges) else f"{first} {second}"


def columns(line: str) -> int:
    """Return the width of a line on a terminal, where a Chinese character takes two columns."""
    return len(line.encode("gb18030", "replace"))
