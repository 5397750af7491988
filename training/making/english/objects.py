"""What English sentences say of their subject: objects, amounts and definitions to ask for."""

import re
from collections.abc import Iterator, Sequence

from training.making.english.clauses import Sentence, Verb
from training.making.english.gap import Gap, clause_end, ends_phrase, with_region
from training.making.english.words import (
    CLAUSE_MARKS,
    CLAUSE_WORDS,
    NUMBER,
    NUMBER_WORDS,
    PREPOSITIONS,
    YEAR,
    Word,
    is_group,
    is_person,
    may_be_person,
    name_end,
)
from training.making.vocabulary import vocabulary

_VOCABULARY = vocabulary("en")
NO_PLACE = _VOCABULARY.ending("no_places")
"""Endings of names after "in" that are no places."""
DURATION = frozenset(_VOCABULARY.words("duration"))
"""Units of time."""
_HUMAN_OBJECT = frozenset(_VOCABULARY.words("human_object"))
_THING_OBJECT = frozenset(_VOCABULARY.words("thing_object"))
_PLACE_NOUNS = frozenset(_VOCABULARY.words("place_nouns"))
_GIVEN = frozenset(_VOCABULARY.words("given"))
_GOING_ON = PREPOSITIONS | frozenset(_VOCABULARY.words("going_on"))
_FIXED = _VOCABULARY.table("fixed")
_WEAK = frozenset(["have", "say", "think", "believe", "go", "come", "make", "take"])


def objects(sentence: Sentence) -> Iterator[Gap]:
    """Yield what the verb of `sentence` has for an object."""
    rest, verb = sentence.rest, sentence.verb
    yield from _object(rest, verb)
    yield from _awarded(rest, verb)
    yield from _plain_object(rest, verb)
    yield from _quantity(rest, verb)
    yield from _fixed_preposition(rest, verb)


def _object(rest: tuple[Word, ...], verb: Verb) -> Iterator[Gap]:
    """The name that directly follows a full verb."""
    last = name_end(rest, 0)
    if not verb.base or verb.base == "have" or not last or not ends_phrase(rest, last):
        return
    if last < len(rest) and rest[last].low in ("of", "and", "or"):
        return
    names = rest[:last]
    if is_person(names) or (verb.base in _HUMAN_OBJECT and may_be_person(names)):
        yield Gap(0, last, (0, last), ("Who", "Whom"), "whom", "object")
    elif is_group(names) or verb.base in _THING_OBJECT:
        yield Gap(0, last, (0, last), ("What",), "what", "object")


def _awarded(rest: tuple[Word, ...], verb: Verb) -> Iterator[Gap]:
    """ "was awarded the X Prize", "was elected President"."""
    skip = 1 if len(rest) > 1 and rest[0].low.endswith("ly") else 0
    if verb.base or len(rest) < skip + 2 or rest[skip].low not in _GIVEN:
        return
    first = skip + 1
    last = name_end(rest, first)
    if last > first and ends_phrase(rest, last):
        yield Gap(first, last, (first, last), ("What",), "what", "object")


def _plain_object(rest: tuple[Word, ...], verb: Verb) -> Iterator[Gap]:
    """A noun phrase in lower case that follows a full verb, up to a preposition or mark."""
    if not verb.base or verb.base in _WEAK or not rest:
        return
    if rest[0].low not in ("the", "a", "an"):
        return
    last = 1
    while last < len(rest) and (rest[last].low not in PREPOSITIONS or rest[last].low == "of"):
        if (
            rest[last].text in CLAUSE_MARKS
            or rest[last].low in CLAUSE_WORDS
            or not rest[last].text[0].isalnum()
        ):
            break
        if rest[last].low in ("and", "or", "to") or rest[last].low.endswith(("ing", "ed")):
            return
        last += 1
    cut_short = ("of", "the", "just", "only", "about", "nearly", "almost", "over", "some")
    if 2 <= last <= 9 and rest[last - 1].low not in cut_short:
        yield Gap(0, last, (0, last), ("What",), "what", "object")


def _quantity(rest: tuple[Word, ...], verb: Verb) -> Iterator[Gap]:
    """A number and its noun behind the verb: "has 12 members"."""
    first = (
        1
        if rest
        and rest[0].low in ("about", "approximately", "over", "nearly", "around", "roughly", "some")
        else 0
    )
    if not verb.base or len(rest) < first + 2:
        return
    if YEAR.match(rest[first].text) or not (
        NUMBER.match(rest[first].text) or rest[first].low in NUMBER_WORDS
    ):
        return
    last = first + 1
    while last < len(rest) and rest[last].low in ("hundred", "thousand", "million", "billion"):
        last += 1
    noun = last
    while (
        noun < min(len(rest), last + 3)
        and re.fullmatch(r"[a-z\-]+", rest[noun].text)
        and rest[noun].low not in PREPOSITIONS | CLAUSE_WORDS
    ):
        noun += 1
        if rest[noun - 1].text.endswith("s"):
            break
    following = rest[noun].low if noun < len(rest) else ""
    if (
        noun == last
        or not rest[noun - 1].text.endswith("s")
        or rest[noun - 1].text.endswith(("ss", "us", "is"))
        or following in ("later", "ago", "earlier", "after", "before", "old")
    ):
        return
    if len(rest[noun - 1].text) < 3:
        return
    if rest[noun - 1].low in DURATION and verb.base not in ("last", "spend", "take"):
        return
    if following == "of":
        noun = clause_end(rest, noun)
        noun = next((i for i in range(last + 2, noun) if rest[i].low in PREPOSITIONS), noun)
    many = " ".join(word.text for word in rest[last:noun])
    yield Gap(0, noun, (first, last), (f"How many {many}",), f"how many {many}", "number")


def _fixed_preposition(rest: tuple[Word, ...], verb: Verb) -> Iterator[Gap]:
    """ "consists of X": what does it consist of?"""
    index = 1 if rest and rest[0].low in ("mainly", "mostly", "primarily", "only", "largely") else 0
    if len(rest) < index + 2 or verb.base not in _FIXED.get(rest[index].low, ()):
        return
    first, last = index + 1, clause_end(rest, index + 1)
    # "consists of cheese, butter and olives" is more than its first part.
    whole = last == len(rest) or rest[last].text != "," or _ends_there(rest, last)
    if whole and 1 <= last - first <= 10:
        yield Gap(first, last, (first, last), ("What",), "what", "object", alone=True)


def definition(sentence: Sentence) -> Iterator[Gap]:
    """ "X is a …": ask what X is, and where, if it is "a town in …"."""
    rest, verb = sentence.rest, sentence.verb
    if verb.word.low not in ("is", "was"):
        return
    last = 1
    while (
        last < len(rest)
        and rest[last].text not in CLAUSE_MARKS
        and rest[last].low not in CLAUSE_WORDS | {"and"}
    ):
        last += 1
    person = is_person(sentence.subject)
    # "a spot where …", "a word that …": without what follows it says too little.
    cut = last < len(rest) and not _ends_there(rest, last)
    if 3 <= last <= 16 and not cut and rest[last - 1].low not in PREPOSITIONS:
        yield Gap(
            0, last, (0, last), ("Who",) if person else ("What",), "what", "definition", alone=True
        )
    for index in range(2, min(last, 8)):
        if rest[index].low in ("in", "on", "near") and rest[index - 1].low in _PLACE_NOUNS:
            first, name = index + 1, name_end(rest, index + 1)
            if (
                name > first
                and not NO_PLACE.search(rest[name - 1].text)
                and ends_phrase(rest, name)
                and (end := with_region(rest, name))
            ):
                yield Gap(0, end, (first, end), ("Where",), "where", "place", alone=True)
            return


def _ends_there(rest: Sequence[Word], mark: int) -> bool:
    """Return whether a noun phrase ends at `mark`: "a pungent, irritating smell" goes on."""
    if rest[mark].text != ",":
        return rest[mark].text in CLAUSE_MARKS
    following = rest[mark + 1] if mark + 1 < len(rest) else None
    return following is None or following.capital or following.low in _GOING_ON
