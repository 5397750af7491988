"""The first letters of Chinese words in pinyin, by which Chinese texts are found: 新对话 is xdh.

GB 2312 orders its 3,755 everyday characters by their pinyin, so a dozen boundaries are the whole
dictionary. Rarer characters, ordered by radical there, have no letter.
"""

from bisect import bisect_right
from functools import cache
from typing import Final

# The first character of each letter; none begins with i, u or v.
_FIRST: Final = "啊芭擦搭蛾发噶哈击喀垃妈拿哦啪期然撒塌挖昔压匝"
_LETTERS: Final = "abcdefghjklmnopqrstwxyz"
_SPOKEN: Final = {"重": "c"}
"""Read otherwise in the words of a user interface (重命名, 重新) than GB 2312 does."""
_CODES: Final = [character.encode("gb2312") for character in _FIRST]
_LAST: Final = "座".encode("gb2312")


def initials(text: str) -> str:
    """Return `text` with each everyday Chinese character replaced by one letter."""
    return "".join(_initial(character) for character in text)


@cache
def _initial(character: str) -> str:
    if character in _SPOKEN:
        return _SPOKEN[character]
    if not "\u4e00" <= character <= "\u9fff":
        return character
    code = character.encode("gb2312", errors="ignore")
    if not _CODES[0] <= code <= _LAST:
        return character
    return _LETTERS[bisect_right(_CODES, code) - 1]
