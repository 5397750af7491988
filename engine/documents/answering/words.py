"""Words of Chinese and English text with their places and kinds.

Chinese words and their kinds come from rjieba; English kinds from word lists and spelling, which
is enough to tell a name, a number or a date from other words.
"""

import re
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from engine.document_prompt import PromptLanguage

KINDS = (
    "edge",  # before the first word and after the last
    "mark",  # punctuation
    "open",
    "close",
    "number",
    "unit",
    "time",
    "person",
    "place",
    "body",  # an organisation
    "name",  # any other proper name, and words in capitals
    "noun",
    "verb",
    "adjective",
    "adverb",
    "preposition",
    "conjunction",
    "particle",  # 的 了 着; articles
    "pronoun",
    "position",  # 上 北部
    "foreign",  # Latin letters in Chinese text
    "other",
)
"""What a word can be; `Word.kind` is a place in it."""
KIND = {name: place for place, name in enumerate(KINDS)}

FUNCTION_KINDS = frozenset(
    KIND[name]
    for name in ("edge", "mark", "open", "close", "preposition", "conjunction", "particle")
)

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_HAN_CHARACTER = re.compile(f"[{_HAN}]")
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]+")
_ENGLISH = re.compile(
    r"[$€£¥]?\d+(?:[.,:]\d+)*(?:st|nd|rd|th|s|%)?(?!\w)|(?:[A-Za-z]\.){2,}|\w+(?:['’]\w+)*|[^\w\s]"
)
_JIEBA = (
    ("nr", "person"),
    ("ns", "place"),
    ("nt", "body"),
    ("nz", "name"),
    ("n", "noun"),
    ("an", "noun"),
    ("vn", "noun"),
    ("l", "noun"),
    ("i", "noun"),
    ("j", "noun"),
    ("t", "time"),
    ("m", "number"),
    ("q", "unit"),
    ("v", "verb"),
    ("a", "adjective"),
    ("b", "adjective"),
    ("z", "adjective"),
    ("d", "adverb"),
    ("p", "preposition"),
    ("c", "conjunction"),
    ("u", "particle"),
    ("y", "particle"),
    ("r", "pronoun"),
    ("f", "position"),
    ("s", "position"),
    ("eng", "foreign"),
)
_OPEN = frozenset("([{《〈「『【〔“‘（［")
_CLOSE = frozenset(")]}》〉」』】〕”’）］")

_NUMBER_WORDS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety "
    "hundred thousand million billion trillion dozen half once twice first second third fourth "
    "fifth sixth seventh eighth ninth tenth double triple several"
)
_TIME_WORDS = (
    "january february march april june july august september october november december monday "
    "tuesday wednesday thursday friday saturday sunday today yesterday century centuries decade "
    "spring summer autumn winter morning evening night noon midnight bc ad bce ce"
)
_UNIT_WORDS = (
    "percent metre metres meter meters km kilometres kilometers mile miles feet foot inches inch "
    "year years month months week weeks day days hour hours minute minutes seconds people "
    "dollars pounds euros tons tonnes kg kilograms grams acres hectares degrees times members "
    "students residents yards points goals"
)
_PREPOSITIONS = (
    "of in to for with on at from by about as into like through after over between out against "
    "during without before under around among within along across behind beyond near off since "
    "until upon via per than despite toward towards throughout including"
)
_CONJUNCTIONS = (
    "and or but because that which who whom whose if when while where although though "
    "so unless whether how why what"
)
_PARTICLES = "the a an this these those such no not"
_PRONOUNS = (
    "i you he she it we they me him her us them his its their our my your itself himself "
    "themselves one's there"
)
_AUXILIARIES = (
    "is are was were be been being am has have had do does did will would can could may might "
    "shall should must"
)
_VERBS = f"{_AUXILIARIES} became become made make called named known said used found"
_ADVERBS = "very also more most only then now often still even just however later ago too never"
_ENGLISH_KINDS = {
    word: KIND[kind]
    for words, kind in (
        (_NUMBER_WORDS, "number"),
        (_TIME_WORDS, "time"),
        (_UNIT_WORDS, "unit"),
        (_PREPOSITIONS, "preposition"),
        (_CONJUNCTIONS, "conjunction"),
        (_PARTICLES, "particle"),
        (_PRONOUNS, "pronoun"),
        (_VERBS, "verb"),
        (_ADVERBS, "adverb"),
    )
    for word in words.split()
}
_EMPTY = frozenset(f"{_AUXILIARIES} 是 有".split())
_EMPTY_KINDS = frozenset(
    KIND[name]
    for name in ("mark", "open", "close", "preposition", "conjunction", "particle", "pronoun")
)
_WEEKS = ("周", "週", "星期", "礼拜", "禮拜")
_WEEKDAYS = frozenset("一二三四五六日天")
_YEAR = re.compile(r"(?:1\d|20)\d\d(?:s)?")
_TITLE_WORDS = "mr mrs ms dr king queen president sir lord lady prince princess saint"
_TITLES = frozenset(_TITLE_WORDS.split())


@dataclass(frozen=True, slots=True)
class Word:
    """A word or a mark; `text` is folded (lower case), `kind` a place in KINDS."""

    start: int
    end: int
    text: str
    kind: int


def among(*names: str) -> NDArray[np.bool_]:
    """Return for each kind whether it is one of `names`, to look kinds up in; [kinds]."""
    flags = np.zeros(len(KINDS), bool)
    flags[[KIND[name] for name in names]] = True
    return flags


def is_empty(word: Word) -> bool:
    """Return whether a word alone says nothing: "was", "they", "the", "是", "（"."""
    return word.kind in _EMPTY_KINDS or word.text in _EMPTY


def language_of(text: str) -> PromptLanguage:
    """Return "zh" where at least as many Chinese characters as Latin words are, else "en"."""
    chinese = len(_HAN_CHARACTER.findall(text))
    return "zh" if chinese and chinese >= len(_LATIN_WORD.findall(text)) else "en"


def words_of(text: str) -> list[Word]:
    """Return the words and marks of `text` in their order; blanks are left out."""
    if language_of(text) == "zh":
        return _chinese_words(text)
    return _english_words(text)


def _chinese_words(text: str) -> list[Word]:
    import rjieba  # 40 MB with its dictionary: only once somebody asks a document

    words: list[Word] = []
    place = 0
    for piece, tag in rjieba.tag(text):
        start, place = place, place + len(piece)
        if piece.isspace():
            continue
        word = Word(start, place, piece.lower(), _chinese_kind(piece, tag))
        if piece in _WEEKDAYS and words and words[-1].text.endswith(_WEEKS):
            week = words.pop()  # rjieba divides 每周四
            word = Word(week.start, place, week.text + word.text, KIND["time"])
        words.append(word)
    return words


@cache
def _kind_of_tag(tag: str) -> int:
    exact = dict(_JIEBA)
    for length in range(len(tag), 0, -1):
        if tag[:length] in exact:
            return KIND[exact[tag[:length]]]
    return KIND["other"]


def _chinese_kind(piece: str, tag: str) -> int:
    if not any(map(str.isalnum, piece)):
        return _mark_kind(piece)
    if piece[0].isdigit():
        return KIND["number"]
    return _kind_of_tag(tag)


def _mark_kind(mark: str) -> int:
    if mark in _OPEN:
        return KIND["open"]
    return KIND["close"] if mark in _CLOSE else KIND["mark"]


def _english_words(text: str) -> list[Word]:
    words: list[Word] = []
    for match in _ENGLISH.finditer(text):
        previous = words[-1] if words else None
        kind = _english_kind(match[0], previous)
        words.append(Word(match.start(), match.end(), match[0].lower(), kind))
    return words


def _english_kind(word: str, previous: Word | None) -> int:
    if not any(map(str.isalnum, word)):
        return _mark_kind(word)
    lower = word.lower()
    if _YEAR.fullmatch(lower):
        return KIND["time"]
    if any(map(str.isdigit, word)):
        return KIND["number"]
    if word == "May":
        return KIND["time"]  # and no auxiliary
    if (kind := _ENGLISH_KINDS.get(lower)) is not None:
        return kind
    if word[0].isupper():
        titled = previous is not None and previous.text in _TITLES
        return KIND["person" if titled else "name"]
    if lower.endswith("ly"):
        return KIND["adverb"]
    return KIND["verb" if lower.endswith(("ed", "ing")) else "noun"]
