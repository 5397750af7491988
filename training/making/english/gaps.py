"""Which parts of an English sentence can be asked for, and with which question words."""

from collections.abc import Iterator

from training.making.english.clauses import Sentence, Verb, forms
from training.making.english.gap import Gap, clause_end, ends_phrase, with_region
from training.making.english.objects import DURATION, NO_PLACE, definition, objects
from training.making.english.words import (
    CLAUSE_MARKS,
    CLAUSE_WORDS,
    NUMBER,
    NUMBER_WORDS,
    PREPOSITIONS,
    YEAR,
    Word,
    date_at,
    is_group,
    is_person,
    name_end,
    when,
)
from training.making.vocabulary import vocabulary

_VOCABULARY = vocabulary("en")
_MOTION = frozenset(_VOCABULARY.words("motion"))
_NO_PLACES_BEGIN = frozenset(["Operation", "Literature", "Physics", "Chemistry", "Medicine"])
_PIED_PIPING = frozenset(_VOCABULARY.words("pied_piping"))


def gaps(sentence: Sentence) -> Iterator[Gap]:
    """Yield what can be asked about the words behind the verb of `sentence`."""
    rest, verb = sentence.rest, sentence.verb
    if (
        verb.word.low in ("is", "was", "are", "were")
        and rest
        and rest[0].low in ("a", "an", "the", "one")
    ):
        yield from definition(sentence)
        return
    if (
        verb.word.low in ("is", "was")
        and rest
        and (rest[0].text[0].isdigit() or (rest[0].capital and rest[0].low not in ("i",)))
    ):
        joined = (i for i, word in enumerate(rest) if word.low in ("and", "or"))
        end = min(clause_end(rest, 0), next(joined, len(rest)))
        if end <= 8 and sentence.subject[0].low == "the":
            yield Gap(0, end, (0, end), ("What",), "what", "value", alone=True)
        return
    for index, word in enumerate(rest):
        if word.text in CLAUSE_MARKS:
            break
        if word.low == "because" and index:
            yield from _because(rest, index)
        if word.low in CLAUSE_WORDS or word.low in ("and", "or"):
            break
        if word.low in PREPOSITIONS and index + 1 < len(rest):
            yield from _after_preposition(rest, index, verb)
        if word.low in ("called", "named", "nicknamed", "titled", "entitled"):
            yield from _name(rest, index)
    yield from objects(sentence)
    yield from _purpose(rest)


def _after_preposition(rest: tuple[Word, ...], index: int, verb: Verb) -> Iterator[Gap]:
    preposition = rest[index].low
    following_date = date_at(rest, index + 1)
    if following_date:
        yield from _time(rest, index, following_date)
        return
    yield from _age_and_duration(rest, index)
    first = index + 1
    last = name_end(rest, first)
    names = rest[first:last]
    if not names or not ends_phrase(rest, last):
        return
    if (
        preposition in ("in", "at", "near")
        and not NO_PLACE.search(names[-1].text)
        and names[0].text not in _NO_PLACES_BEGIN
    ):
        others = [
            i
            for i, word in enumerate(rest[:-1])
            if word.low in ("in", "at")
            and rest[i + 1].capital
            and i != index
            and not date_at(rest, i + 1)
        ]
        end = with_region(rest, last)
        if not others and verb.word.low != "had" and end:
            yield Gap(
                index,
                end,
                (first, end),
                ("Where", "Where", "In what place" if preposition == "in" else "Where"),
                f"{preposition} what place",
                "place",
            )
    elif preposition == "to" and verb.base in _MOTION:
        yield Gap(index, last, (first, last), ("Where", "To where"), "to what place", "place")
    elif preposition == "by" and index and rest[index - 1].low in forms().participles:
        if verb.auxiliary in ("was", "were", "is", "are", "been") and index <= 2:
            yield Gap(index, last, (first, last), ("By whom",), "by whom", "agent")
    elif preposition == "after" and index and rest[index - 1].low == "named":
        yield Gap(
            first, last, (first, last), ("Who" if is_person(names) else "What",), "what", "naming"
        )
    elif preposition == "as" and index and rest[index - 1].low == "known":
        yield Gap(first, last, (first, last), ("What",), "what", "naming")
    elif preposition in _PIED_PIPING and (is_person(names) or is_group(names)):
        word = "whom" if is_person(names) else "what"
        yield Gap(
            index,
            last,
            (first, last),
            (f"{preposition.capitalize()} {word}",),
            f"{preposition} {word}",
            "object",
        )


def _time(rest: tuple[Word, ...], index: int, date: tuple[int, int]) -> Iterator[Gap]:
    preposition = rest[index].low
    following = rest[date[1]] if date[1] < len(rest) else None
    if following is not None and (
        following.low in ("and", "or", "to", "-", "–") or following.text[0].isdigit()
    ):
        return
    if (
        following is not None
        and following.low not in PREPOSITIONS | CLAUSE_WORDS
        and following.text not in CLAUSE_MARKS
    ):
        return
    words = rest[date[0] : date[1]]
    year = len(words) == 1 and bool(YEAR.match(words[0].text))
    if preposition in ("in", "on", "during"):
        yield Gap(
            index,
            date[1],
            date,
            when(words, preposition),
            f"{preposition} what year" if year else "when",
            "time",
        )
    elif preposition in ("since", "until"):
        yield Gap(
            index,
            date[1],
            date,
            (f"{preposition.capitalize()} when",),
            f"{preposition} when",
            "time",
        )


def _age_and_duration(rest: tuple[Word, ...], index: int) -> Iterator[Gap]:
    texts = [word.low for word in rest[index : index + 5]]
    if texts[:4] == ["at", "the", "age", "of"] and len(texts) == 5:
        yield Gap(
            index, index + 5, (index + 4, index + 5), ("At what age",), "at what age", "number"
        )
    numbered = len(texts) > 2 and (NUMBER.match(texts[1]) or texts[1] in NUMBER_WORDS)
    whole = numbered and ends_phrase(rest, index + 3)
    if texts[0] == "for" and whole and texts[2] in DURATION:
        yield Gap(
            index,
            index + 3,
            (index + 1, index + 3),
            ("How long", "For how long"),
            "for how long",
            "duration",
        )


def _name(rest: tuple[Word, ...], index: int) -> Iterator[Gap]:
    first, last = index + 1, name_end(rest, index + 1)
    if last > first and ends_phrase(rest, last) and index <= 2:
        yield Gap(first, last, (first, last), ("What",), "what", "naming", alone=True)


def _because(rest: tuple[Word, ...], index: int) -> Iterator[Gap]:
    first = index + 2 if index + 1 < len(rest) and rest[index + 1].low == "of" else index + 1
    last = first
    while (
        last < len(rest)
        and rest[last].text not in (",", ";", "—", "–")
        and rest[last].low not in ("but", "which")
    ):
        last += 1
    plain = rest[index - 1].low not in (
        "only",
        "not",
        "partly",
        "largely",
        "perhaps",
        "simply",
        "precisely",
    )
    if 3 <= last - first <= 22 and plain and rest[first].low not in PREPOSITIONS | {"according"}:
        yield Gap(
            index,
            last,
            (first, last),
            ("Why", "Why", "For what reason"),
            "why",
            "reason",
            alone=True,
        )


def _purpose(rest: tuple[Word, ...]) -> Iterator[Gap]:
    for index in range(1, len(rest) - 3):
        if (
            rest[index].text in CLAUSE_MARKS
            or rest[index].low in CLAUSE_WORDS
            or rest[index].low == "and"
        ):
            return
        if [word.low for word in rest[index : index + 3]] == ["in", "order", "to"]:
            last = index + 3
            while (
                last < len(rest)
                and rest[last].text not in (",", ";")
                and rest[last].low not in ("but", "which")
            ):
                last += 1
            if last - index >= 5:
                yield Gap(
                    index,
                    last,
                    (index + 2, last),
                    ("Why", "For what purpose"),
                    "why",
                    "purpose",
                    alone=True,
                )
            return
