"""English words, and the names and dates among them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from training.making.vocabulary import vocabulary

_VOCABULARY = vocabulary("en")
_WORD = re.compile(
    r"(?:[A-Z]\.){2,}|[A-Z]\.(?=\s?[A-Z])|(?:St|Dr|Mr|Mrs|Jr|Sr|Mt|No|vs)\.(?=\s)|"
    r"[A-Za-zÀ-ɏ0-9]+(?:[.,'’\-–&][A-Za-zÀ-ɏ0-9]+)*%?|\$[\d.,]*\d|[^\sA-Za-zÀ-ɏ0-9]"
)
_BRACKETS = re.compile(r"\s*(?:\([^()]*\)|\[[^\[\]]*\])")
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
MONTHS = frozenset(_MONTHS.split("|"))
NUMBER = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)%?$")
NUMBER_WORDS = frozenset(_VOCABULARY.words("number_words"))
YEAR = re.compile(r"(?:1\d{3}|20[0-4]\d)$")
_DECADE = re.compile(r"(?:1\d{3}|20[0-4]\d)s$")
PREPOSITIONS = frozenset(_VOCABULARY.words("prepositions"))
CLAUSE_MARKS = frozenset([",", ";", ":", "—", "–", '"', "“", "”"])
CLAUSE_WORDS = frozenset(_VOCABULARY.words("clause_ends"))
_TITLES = frozenset(_VOCABULARY.words("titles"))
_FIRST_NAMES = frozenset(_VOCABULARY.words("first_names"))
_GROUP_WORDS = frozenset(_VOCABULARY.words("group_words"))
_DATES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?:{_MONTHS}) \d{{1,2}} , \d{{4}}",
        rf"\d{{1,2}} (?:{_MONTHS}) \d{{4}}",
        rf"(?:{_MONTHS}) \d{{4}}",
        rf"(?:{_MONTHS}) \d{{1,2}}(?!\d)",
        rf"\d{{1,2}} (?:{_MONTHS})",
        r"(?:\d{1,2}(?:st|nd|rd|th)|[a-z]+(?:st|nd|rd|th))(?:-| )century(?: BC| AD| BCE)?",
        r"(?:1\d{3}|20[0-4]\d)s",
        r"\d{1,4} (?:BC|BCE|AD|CE)\b",
        r"(?:1[0-9]\d\d|20[0-4]\d)(?=$| )",
    )
)


@dataclass(frozen=True)
class Word:
    """A word or mark, from character `start` of the sentence on."""

    text: str
    start: int

    @property
    def end(self) -> int:
        """The index behind its last character."""
        return self.start + len(self.text)

    @property
    def low(self) -> str:
        """Its lower-case form."""
        return self.text.lower()

    @property
    def capital(self) -> bool:
        """Whether it begins with a capital letter."""
        return self.text[0].isupper()


def words_of(text: str) -> tuple[Word, ...]:
    """Return the words and marks of `text`, those in brackets left out."""
    hidden = [match.span() for match in _BRACKETS.finditer(text)]
    return tuple(
        Word(match[0], match.start())
        for match in _WORD.finditer(text)
        if not any(start <= match.start() < end for start, end in hidden)
    )


def date_at(words: Sequence[Word], first: int) -> tuple[int, int] | None:
    """Return where a date that starts at `first` begins and ends, if one does."""
    texts = [word.text for word in words[first : first + 6]]
    skip = 0
    while skip < len(texts) and texts[skip].lower() in ("the", "early", "late", "mid"):
        skip += 1
    line = " ".join(texts[skip:])
    for pattern in _DATES:
        if match := pattern.match(line):
            return first, first + skip + len(match[0].split())
    return None


def when(words: Sequence[Word], preposition: str) -> tuple[str, ...]:
    """Return question words for a date that stands after `preposition`."""
    text = words[-1].text
    if len(words) == 1 and YEAR.match(text):
        return ("When", "In what year", "In which year", "What year")
    if _DECADE.match(text):
        return ("When", "In what decade", "During which decade")
    if text.lower() == "century":
        return ("When", "In what century", "In which century")
    return ("When", "When", "On what date" if preposition == "on" else "When")


def name_end(words: Sequence[Word], first: int) -> int:
    """Return the index behind a run of capitalised words that starts at `first`, else `first`."""
    start = first + 1 if first < len(words) and words[first].low == "the" else first
    last = start
    while last < len(words):
        if words[last].capital and words[last].text not in MONTHS:
            last += 1
            continue
        link = last > start and words[last].low in ("of", "de", "von", "van", "la", "del")
        skip = last + 2 if last + 1 < len(words) and words[last + 1].low == "the" else last + 1
        if not link or skip >= len(words) or not words[skip].capital:
            break
        last = skip + 1
    return last if last > start else first


def is_person(words: Sequence[Word]) -> bool:
    """Return whether `words` are a person's name beyond doubt."""
    names = [word.text for word in words]
    if names[0].lower() in _TITLES and len(names) > 1:
        return True
    return 2 <= len(names) <= 4 and names[0] in _FIRST_NAMES and not is_group(words)


def may_be_person(words: Sequence[Word]) -> bool:
    """Return whether `words` could be a person's name: two or three names, no group's word."""
    plain = all(re.fullmatch(r"[A-ZÀ-Ɏ][\w.'’\-]+", word.text) for word in words)
    return 2 <= len(words) <= 3 and plain and not is_group(words)


def is_group(words: Sequence[Word]) -> bool:
    """Return whether `words` name an organisation, a work or a place by its kind."""
    return words[0].low == "the" or any(word.text in _GROUP_WORDS for word in words)


def texts(words: Sequence[Word]) -> list[str]:
    """Return the words' texts, commas joined to the word before them."""
    joined: list[str] = []
    for word in words:
        if joined and word.text in (",", ";", ":", "'", "’"):
            joined[-1] += word.text
        else:
            joined.append(word.text)
    return joined
