"""How lines are joined to running text."""

import re

HAN = "\u2e80-\u303f\u3040-\u30ff\u3100-\u312f\u3400-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef"
"""For use in a character class: characters that are written without spaces, and their marks."""
_HAN_BREAK = re.compile(rf"(?<=[{HAN}])[^\S\n]*\n\s*(?=[{HAN}])")


def join_lines(text: str) -> str:
    """Return text on one line: breaks are spaces, between Chinese characters nothing."""
    return " ".join(_HAN_BREAK.sub("", text).split())


def words(text: str) -> frozenset[str]:
    """Return the words of a list that is written as a text."""
    return frozenset(text.split())


RADICALS = str.maketrans(
    "⺟⺠⻁⻄⻅⻆⻉⻋⻓⻔⻘⻚⻛⻜⻝⻢⻣⻤⻥⻦⻨⻩⻬⻮⻰⻳",
    "母民虎西见角贝车长门青页风飞食马骨鬼鱼鸟麦黄齐齿龙龟",
)
"""Parts of characters that some fonts name in place of the characters; Unicode maps only two."""
