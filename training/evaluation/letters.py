"""Which of four letters a written-out answer ends up with."""

import re

_LETTER = r"(?<![A-Za-z])([A-D])(?![A-Za-z])"
# From the plainest statement to the weakest; within one kind the last is the conclusion.
_STATEMENTS = [
    re.compile(pattern)
    for pattern in (
        rf"(?:答案|正确的?选项)\W{{0,3}}(?:应该|应当|应)?(?:是|为|选)?\W{{0,3}}{_LETTER}",
        rf"(?i:answer)\W{{0,3}}(?i:is)?\W{{0,3}}{_LETTER}",
        rf"(?:故|因此|所以|应该?)\W{{0,3}}选(?:择|项)?\W{{0,3}}{_LETTER}",
        rf"{_LETTER}\W?(?:选?项)?(?:是|为)?正确",
        rf"选择?\W{{0,3}}{_LETTER}",
    )
]


def chosen_letter(text: str) -> str | None:
    """Return "A" to "D", or None where the text settles on none of them.

    It settles by saying so ("答案是B", "故选 B", "B项正确"), or by naming one letter only.
    """
    for statement in _STATEMENTS:
        if found := statement.findall(text):
            return str(found[-1])
    named = set(re.findall(_LETTER, text))
    return named.pop() if len(named) == 1 else None
