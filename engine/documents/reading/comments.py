"""What Markdown hides from its readers: HTML comments, where programs keep their notes."""

import re
from typing import Final

_CODE_OR_COMMENT: Final = re.compile(
    r"^ {0,3}(?P<fence>`{3,}+|~{3,}+)[^`\n]*+\n(?:.*?^ {0,3}(?P=fence)[`~]*[ \t]*\r?$|.*\Z)"
    r"|^(?: {4}|\t)[^\n]*"  # an indented line of code
    r"|`[^`\n]+`"
    r"|(?P<comment><!--)",
    re.MULTILINE | re.DOTALL,
)


def without_comments(text: str) -> str:
    """Return Markdown without its comments; those that are shown as code stay.

    One that never ends hides the rest where it begins a line, and is text elsewhere.
    """
    kept: list[str] = []
    written = place = 0
    while (match := _CODE_OR_COMMENT.search(text, place)) is not None:
        place = match.end()
        if match["comment"] is None:
            continue
        start = match.start()
        end = text.find("-->", start + 2)  # <!--> is a whole one
        if end < 0:
            line = text[text.rfind("\n", 0, start) + 1 : start]
            if line.strip():
                break
            end = len(text)
        kept.append(text[written:start])
        written = place = min(end + 3, len(text))
    return "".join([*kept, text[written:]])
