"""A Chinese sentence as tokens: dates, amounts and titles by pattern, the rest by dictionary."""

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from training.making.vocabulary import vocabulary

if TYPE_CHECKING:
    import rjieba

_NEW_VERBS = (
    *("出生于", "毕业于", "就读于", "任职于", "任教于"),
    *("葬于", "分布于", "栖息于", "隶属于"),
)
_VOCABULARY = vocabulary("zh")
_DIGITS = "〇零一二三四五六七八九十百千两"
_YEAR = r"(?:(?:公元|西元)前?\d{1,4}|前\d{1,4}|\d{3,4}|[〇零一二三四五六七八九]{4})年(?:代)?"
_DAY = rf"(?:\d{{1,2}}|[{_DIGITS}]{{1,3}})月(?:份|(?:\d{{1,2}}|[{_DIGITS}]{{1,3}})[日号])?"
_PART = r"(?:初期|末期|中期|后期|前期|早期|晚期|中叶|末年|初年|上半叶|下半叶|初|末|底)?"
_CENTURY = (
    rf"(?:公元|西元)?前?(?:\d{{1,2}}|[{_DIGITS}]{{1,3}})世纪(?:\d{{2}}年代|[{_DIGITS}]{{2,3}}年代)?"
)
_ERA = (
    rf"(?:[\u4e00-\u9fff]{{0,2}})(?:元|[{_DIGITS}]{{1,3}})年(?:{_DAY})?"
    r"(?:（(?:公元)?前?\d{1,4}年?）|\((?:公元)?前?\d{1,4}年?\))"
)
_POINT = rf"(?:{_YEAR}{_PART}(?:{_DAY}{_PART})?|{_CENTURY}{_PART}|{_DAY}{_PART})"
_TIME = rf"{_ERA}|{_POINT}(?:\s*(?:[-—–－~～至到]|——)\s*{_POINT})?(?:前后|左右)?"
_UNITS = "|".join(_VOCABULARY.words("units"))
_AMOUNT = (
    rf"(?:\d{{1,3}}(?:[,，]\d{{3}})+|\d+(?:\.\d+)?|(?:[{_DIGITS}]+[万亿]?)+)"
    rf"(?:[万亿千百]+)?(?:余|多)?(?:{_UNITS})(?:多|余)?"
)
_LETTERS = "".join(_VOCABULARY.words("letters"))
_FOREIGN = rf"[{_LETTERS}]{{1,9}}(?:[·‧・•](?:[A-Z]\.?[·‧・•]?)?[{_LETTERS}]{{1,9}})+"
_SPECIAL = re.compile(
    rf"(?P<work>《[^《》]{{1,40}}》)"
    rf"|(?P<quote>「[^「」]{{1,40}}」|“[^“”]{{1,40}}”|『[^『』]{{1,40}}』|〈[^〈〉]{{1,40}}〉)"
    rf"|(?P<time>{_TIME})"
    rf"|(?P<paren>（[^（）]*）|\([^()]*\)|\[[^\[\]]*\])"
    rf"|(?P<percent>\d+(?:\.\d+)?[%％‰]|百分之[{_DIGITS}点]+|[{_DIGITS}\d]+分之[{_DIGITS}\d]+)"
    rf"|(?P<ordinal>第(?:\d+|[{_DIGITS}]+)(?:{_UNITS}|代|任|章|版|路|号|线)?)"
    rf"|(?P<number>{_AMOUNT})"
    rf"|(?P<name>{_FOREIGN})"
    r"|(?P<latin>[A-Za-z][A-Za-z0-9]*(?:[ .'&+\-/][A-Za-z0-9]+)*)"
)
_KINDS = {
    "v": "verb", "vd": "verb", "vi": "verb", "vq": "verb", "vg": "verb", "p": "prep", "d": "adverb",
    "df": "adverb", "dg": "adverb", "c": "conj", "r": "pronoun", "rr": "pronoun", "rz": "pronoun",
    "uj": "de", "ul": "particle", "ud": "particle", "uz": "particle", "ug": "particle",
    "uv": "particle", "y": "particle", "e": "particle", "o": "particle", "nr": "person",
    "nrt": "person", "nrfg": "person", "ns": "place", "nt": "organisation", "nz": "proper",
    "f": "direction", "m": "figure", "q": "measure", "t": "when", "a": "adjective", "x": "unknown",
}  # fmt: skip
"""The dictionary's part-of-speech tags; what is not here counts as a noun."""
_KNOWN = {word: kind for kind, words in _VOCABULARY.table("kinds").items() for word in words}
_GLUED = re.compile(r"^(他|她|它|其)(于|在|与|和|由|被|将|以|从|对|向|是|曾|也|的)$")
_HAN = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True)
class Token:
    """A piece of a sentence; `start` is its first character's index there."""

    text: str
    kind: str
    start: int

    @property
    def end(self) -> int:
        """The index behind its last character."""
        return self.start + len(self.text)


def tokenize(sentence: str, names: tuple[str, ...] = ()) -> list[Token]:
    """Return the tokens of `sentence` in order, blanks included in none of them.

    `names` are never cut, and nothing is joined to them: their kind is "own".
    """
    tokens: list[Token] = []
    position = 0
    for match in _SPECIAL.finditer(sentence):
        tokens += _between(sentence[position : match.start()], position, names)
        kind = "own" if match[0] in names else str(match.lastgroup)
        tokens.append(Token(match[0], kind, match.start()))
        position = match.end()
    return tokens + _between(sentence[position:], position, names)


def _between(text: str, start: int, names: tuple[str, ...]) -> list[Token]:
    """Cut `text`, which starts at `start` of the sentence and holds nothing special but names."""
    if not any(name in text for name in names):
        return _words(text, start)
    tokens: list[Token] = []
    longest_first = sorted(names, key=len, reverse=True)
    for part in re.split("(" + "|".join(map(re.escape, longest_first)) + ")", text):
        tokens += [Token(part, "own", start)] if part in names else _words(part, start)
        start += len(part)
    return tokens


@cache
def _dictionary() -> "rjieba.Jieba":
    """Return the dictionary, read once; only data preparation needs it installed."""
    import rjieba

    dictionary = rjieba.Jieba()
    for word in _NEW_VERBS:
        dictionary.add_word(word, 10_000, "v")
    return dictionary


def _words(text: str, start: int) -> list[Token]:
    tokens = []
    for word, tag in _dictionary().tag(text):
        if glued := _GLUED.match(word):
            tokens.append(Token(glued[1], "pronoun", start))
            tokens.append(Token(glued[2], _KNOWN.get(glued[2], "noun"), start + 1))
        elif word.strip():
            tokens.append(Token(word, _kind(word, tag), start))
        start += len(word)
    return tokens


def _kind(word: str, tag: str) -> str:
    if word in _KNOWN:
        return _KNOWN[word]
    if not _HAN.search(word):
        return "figure" if word.isdigit() else "mark"
    return _KINDS.get(tag, "noun")
