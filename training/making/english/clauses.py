"""An English sentence as subject, verb and rest, for sentences plain enough to be sure of."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from training.making.english.words import Word, date_at, words_of
from training.making.vocabulary import vocabulary

_VOCABULARY = vocabulary("en")
AUXILIARIES = frozenset(_VOCABULARY.words("auxiliaries"))
_LIKELY_AUXILIARY = frozenset(
    [
        "is",
        "are",
        "was",
        "were",
        "has",
        "had",
        "can",
        "could",
        "will",
        "would",
        "may",
        "might",
        "must",
        "should",
    ]
)
_PRONOUNS = frozenset(_VOCABULARY.words("pronouns"))
POSSESSIVES = frozenset(["his", "her", "its", "their", "my", "our", "your"])
_NOT_BEFORE_VERB = frozenset(_VOCABULARY.words("not_before_verb"))
_CLAUSE_WORDS = frozenset(_VOCABULARY.words("clause_beginnings"))
_CONNECTIVES = frozenset(_VOCABULARY.words("connectives"))
_PREPOSITIONS = frozenset(_VOCABULARY.words("lead_prepositions"))
_THIRD_PERSON = frozenset(_VOCABULARY.words("third_person"))
_LONGEST_SUBJECT = 10
_LONGEST_APPOSITION = 18
_MARKS = frozenset(',;:—–"“”')
_DETERMINERS = frozenset(_VOCABULARY.words("determiners"))
_LONGEST_LEAD = 12


@dataclass(frozen=True)
class Verb:
    """A finite verb: an auxiliary, or a form whose base is known ("moved": did + move)."""

    word: Word
    auxiliary: str
    base: str


@dataclass(frozen=True)
class Sentence:
    """The parts of a plain sentence; `lead` is what stands before the subject ("In 1880")."""

    text: str
    lead: tuple[Word, ...]
    subject: tuple[Word, ...]
    verb: Verb
    rest: tuple[Word, ...]


@dataclass(frozen=True)
class _Forms:
    past: dict[str, str]
    third: dict[str, str]
    participles: dict[str, str]
    """Past participle to past."""
    bases: frozenset[str]


@cache
def forms() -> _Forms:
    """Return the verbs of verbs.txt by their forms; regular pasts are not listed there."""
    past: dict[str, str] = {}
    third: dict[str, str] = {}
    participles: dict[str, str] = {}
    lines = (Path(__file__).parent / "verbs.txt").read_text(encoding="utf-8").splitlines()
    for line in lines:
        base, *irregular = line.split()
        simple, participle = irregular or (_regular_past(base),) * 2
        past[simple] = base
        participles[participle] = simple
        third[_third_person(base)] = base
    past["found"] = "find"
    past["lay"] = "lie"
    return _Forms(past, third, participles, frozenset(third.values()))


def _regular_past(base: str) -> str:
    if base.endswith("e"):
        return base + "d"
    if base.endswith("y") and base[-2] not in "aeiou":
        return base[:-1] + "ied"
    return base + "ed"


def _third_person(base: str) -> str:
    if base.endswith(("s", "x", "z", "ch", "sh", "o")):
        return base + "es"
    if base.endswith("y") and base[-2] not in "aeiou":
        return base[:-1] + "ies"
    return base + "s"


def parse(text: str) -> Sentence | None:
    """Return the parts of the sentence `text`, or None if it is not plain enough."""
    words = words_of(text)
    while words and words[-1].text in '.!"”':
        words = words[:-1]
    lead, words = _split_lead(words)
    if not words or words[0].low in _CLAUSE_WORDS:
        return None
    for index, word in enumerate(words[: _LONGEST_SUBJECT + 1]):
        if word.text == "," and index:
            return _behind_apposition(text, lead, words, index)
        if word.text in _MARKS or word.low in _CLAUSE_WORDS:
            return None
        verb = _verb(words, index)
        if verb is None:
            continue
        if index == 0 or (not verb.auxiliary_only and _is_participle(words, index)):
            return None
        return Sentence(text, lead, words[:index], verb.verb, words[index + 1 :])
    return None


def _behind_apposition(
    text: str, lead: tuple[Word, ...], words: tuple[Word, ...], comma: int
) -> Sentence | None:
    """Read "Cook, who reached New Zealand in 1769, was …": the verb follows the second comma."""
    for index in range(comma + 2, min(len(words) - 2, comma + _LONGEST_APPOSITION)):
        if words[index].text == ",":
            verb = _verb(words, index + 1)
            if verb and not any(word.low in ("and", "or") for word in words[:comma]):
                return Sentence(text, lead, words[:comma], verb.verb, words[index + 2 :])
        elif words[index].text in _MARKS:
            return None
    return None


@dataclass(frozen=True)
class _Found:
    verb: Verb
    auxiliary_only: bool


def _verb(words: tuple[Word, ...], index: int) -> _Found | None:
    word = words[index]
    if word.capital:
        return None
    before = words[index - 1].low if index else ""
    if before in _NOT_BEFORE_VERB:
        return None
    if word.low in AUXILIARIES:
        perfect = any(
            later.low in forms().participles or later.low in ("been", "not")
            for later in words[index + 1 : index + 4]
        )
        if word.low in ("has", "have", "had") and not perfect:
            return _Found(
                Verb(word, {"has": "does", "have": "do", "had": "did"}[word.low], "have"), False
            )
        return _Found(Verb(word, word.low, ""), True)
    if (
        word.low in ("did", "does", "do")
        and index + 1 < len(words)
        and words[index + 1].low == "not"
    ):
        return None
    if base := forms().past.get(word.low):
        return _Found(Verb(word, "did", base), False)
    if base := forms().third.get(word.low):
        following = words[index + 1].low if index + 1 < len(words) else ""
        if word.low in _THIRD_PERSON or following in _DETERMINERS or following[:1].isdigit():
            return _Found(Verb(word, "does", base), False)
    return None


def _is_participle(words: tuple[Word, ...], index: int) -> bool:
    """Return whether "-ed" at `index` may belong to the subject ("The party formed here was")."""
    for later in words[index + 1 : index + 12]:
        if (
            later.text in ",;:"
            or later.low in _CLAUSE_WORDS
            or later.low in ("and", "as", "after", "before")
        ):
            return False
        if later.low in _LIKELY_AUXILIARY:
            return True
    return False


def _split_lead(words: tuple[Word, ...]) -> tuple[tuple[Word, ...], tuple[Word, ...]]:
    """Split off "In 1880," and drop "However,"."""
    while len(words) > 2 and words[0].low in _CONNECTIVES:
        words = words[2:] if words[1].text == "," else words[1:]
    if not words or words[0].low not in _PREPOSITIONS:
        return (), words
    if date := date_at(words, 1):
        end = date[1]
        if end < len(words) and words[end].text == ",":
            return words[:end], words[end + 1 :]
        if end + 1 < len(words) and words[end].low not in _PREPOSITIONS | {"and", "or", "to", "of"}:
            return words[:end], words[end:]
    for index, word in enumerate(words[1:_LONGEST_LEAD], 1):
        if word.text == ",":
            following = words[index + 1].text if index + 1 < len(words) else ""
            if following.isdigit():
                continue
            return words[:index], words[index + 1 :]
        if word.low in AUXILIARIES or word.low in _CLAUSE_WORDS:
            return (), ()
    return (), ()


def is_pronoun(word: Word) -> bool:
    """Return whether `word` is a pronoun, or another word that says nothing by itself."""
    return word.low in _PRONOUNS
