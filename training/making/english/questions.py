"""Questions from plain English sentences: a part gives way to a question word in front."""

import random
import re
from collections.abc import Iterator

from training.making.asked import Asked
from training.making.english.clauses import POSSESSIVES, Sentence, forms, is_pronoun, parse
from training.making.english.gaps import Gap, clause_end, gaps
from training.making.english.words import (
    NUMBER,
    NUMBER_WORDS,
    PREPOSITIONS,
    YEAR,
    date_at,
    is_group,
    is_person,
    may_be_person,
    texts,
    when,
)
from training.making.topics import ENGLISH_PEOPLE, Topic
from training.making.vocabulary import vocabulary

_VOCABULARY = vocabulary("en")
_HUMAN_VERBS = frozenset(_VOCABULARY.words("human_verbs"))
_ACTING = frozenset(_VOCABULARY.words("acting"))
_RELATIVES = frozenset(_VOCABULARY.words("relatives"))
_UNCLEAR = re.compile(
    r"\b(?:he|she|it|they|him|them|this|these|those|his|her|its|their|former|latter|we|our|us|i|you|here|following|himself|"
    r"herself|itself|themselves|such|so)\b",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"[\"“”()\[\]_=<>|*#]|formula_|, ,|''")
_DANGLING = PREPOSITIONS | frozenset(
    [
        "the",
        "a",
        "an",
        "and",
        "or",
        "that",
        "which",
        "who",
        "when",
        "where",
        "called",
        "including",
        "both",
    ]
)
_FRONT_SHARE = 0.88
_FEWEST_WORDS, _MOST_WORDS = 5, 24


def from_sentence(text: str, topic: Topic | None, generator: random.Random) -> Iterator[Asked]:
    """Yield questions that the sentence `text` answers."""
    sentence = parse(text)
    if sentence is None:
        return
    yield from _counted(sentence)
    subject = _subject(sentence, topic)
    if subject is not None:
        for gap in gaps(sentence):
            yield from _ask(sentence, subject, gap, topic, generator)
        yield from _of_lead(sentence, subject, generator)
    yield from _of_subject(sentence, topic)


def _subject(sentence: Sentence, topic: Topic | None) -> str | None:
    """Return the subject as it can stand inside a question, or None if it cannot be told."""
    words = sentence.subject
    first = words[0]
    text = " ".join(texts(words))
    if len(words) == 1 and is_pronoun(first):
        return topic.name if topic and first.low == topic.pronoun else None
    if first.low in POSSESSIVES:
        known = topic and first.low == {"he": "his", "she": "her", "it": "its"}[topic.pronoun]
        return f"{topic.name}'s {' '.join(texts(words[1:]))}" if topic and known else None
    if any(is_pronoun(word) for word in words) or first.low.endswith("ing"):
        return None
    if (
        topic
        and first.low == "the"
        and len(words) == 2
        and topic.kind
        and words[1].low == topic.kind
    ):
        return topic.name
    if topic and text.removeprefix("The ") in topic.aliases:
        return topic.name
    if first.low in ("the", "a", "an", "all", "several", "many", "two", "three", "other"):
        return first.low + text[len(first.text) :]
    proper = len(words) == 1 or any(word.capital for word in words[1:])
    return text if proper and first.capital else None


def _ask(
    sentence: Sentence, subject: str, gap: Gap, topic: Topic | None, generator: random.Random
) -> Iterator[Asked]:
    rest, verb = sentence.rest, sentence.verb
    found = rest[gap.answer[0] : gap.answer[1]]
    answer = sentence.text[found[0].start : found[-1].end]
    before = texts(rest[: gap.first])
    after = [] if gap.alone else texts(rest[gap.last : clause_end(rest, gap.last)])
    if after and after[0].lower() in ("and", "or"):
        return
    lead = _lead_text(sentence)
    if gap.kind == "agent" and verb.auxiliary in ("was", "were") and generator.random() < 0.75:
        participle = rest[gap.first - 1].low
        who = (
            "Who" if is_person(found) or not is_group(found) else generator.choice(["Who", "What"])
        )
        words = [who, forms().participles[participle], subject, *after]
    elif gap.kind == "definition":
        person = gap.front == ("Who",) or _names_person(subject, topic)
        words = ["Who" if person else "What", verb.word.low, subject]
        lead = ""
    elif gap.kind == "place" and gap.first == 0 and not verb.base:
        words = ["Where", verb.word.low, subject, *generator.choice(([], ["located"]))]
        lead = ""
    elif generator.random() < _FRONT_SHARE:
        base = [verb.base] if verb.base else []
        words = [generator.choice(gap.front), verb.auxiliary, subject, *base, *before, *after]
    else:
        words = [subject[0].upper() + subject[1:], verb.word.text, *before, gap.inside, *after]
    yield from _checked(words, lead, answer, found[0].start, gap.kind, subject)


def _names_person(subject: str, topic: Topic | None) -> bool:
    last = subject.split()[-1]
    if topic is not None and topic.is_person and last in topic.aliases[-1]:
        return True
    noun = subject.split(" of ")[0].split()[-1]
    return noun in _RELATIVES or (noun in ENGLISH_PEOPLE and noun != "model")


def _of_lead(sentence: Sentence, subject: str, generator: random.Random) -> Iterator[Asked]:
    """Ask when, for "In 1880," before the subject."""
    lead = sentence.lead
    date = date_at(lead, 1) if lead and lead[0].low in ("in", "on", "during") else None
    if date is None or date[1] != len(lead):
        return
    found = lead[date[0] :]
    verb = sentence.verb
    base = [verb.base] if verb.base else []
    rest = texts(sentence.rest[: clause_end(sentence.rest, 0)])
    if not rest and sentence.rest:
        return
    words = [generator.choice(when(found, lead[0].low)), verb.auxiliary, subject, *base, *rest]
    answer = sentence.text[found[0].start : found[-1].end]
    yield from _checked(words, "", answer, found[0].start, "time", subject)


def _of_subject(sentence: Sentence, topic: Topic | None) -> Iterator[Asked]:
    """Ask who did it, where the subject is a name and what it did is special."""
    words, verb = sentence.subject, sentence.verb
    plain = all(word.capital or word.low in ("the", "of", "de", "von", "van") for word in words)
    if (
        not plain
        or is_pronoun(words[0])
        or words[0].low in POSSESSIVES
        or words[0].low.endswith("ing")
    ):
        return
    if not any(word.capital for word in words[1:] or words) or verb.word.low in (
        "are",
        "were",
        "have",
    ):
        return
    end = clause_end(sentence.rest, 0)
    rest = sentence.rest[:end]
    if end < len(sentence.rest) and sentence.rest[end].text in '"“”':
        return
    if len(rest) < 3 or not any(word.capital or word.text[0].isdigit() for word in rest):
        return
    if verb.word.low in ("is", "was") and rest[0].low in ("a", "an", "one"):
        return
    name = " ".join(texts(words))
    human = is_person(words) or (topic is not None and topic.is_person and name in topic.aliases)
    human = human or (
        may_be_person(words)
        and (verb.base in _HUMAN_VERBS or rest[0].low in ("born", "elected", "appointed"))
    )
    if not human and not is_group(words):
        return
    human = human or verb.base in _ACTING
    asked = ["Who" if human else "What", verb.word.text, *texts(rest)]
    answer = sentence.text[words[0].start : words[-1].end]
    yield from _checked(asked, _lead_text(sentence), answer, words[0].start, "subject", "\n")


def _counted(sentence: Sentence) -> Iterator[Asked]:
    """ "A total of 68 jets were built", "There are 12 species": how many?"""
    words, verb = sentence.subject, sentence.verb
    low = [word.low for word in words]
    if low[0] == "there" and len(words) == 1 and verb.word.low in ("are", "were"):
        words = sentence.rest
        first = 0
    elif low[:3] == ["a", "total", "of"]:
        first = 3
    else:
        first = 0 if words[0].text[0].isdigit() or words[0].low in NUMBER_WORDS else len(words)
    if (
        len(words) < first + 2
        or not (NUMBER.match(words[first].text) or words[first].low in NUMBER_WORDS)
        or YEAR.match(words[first].text)
        or words[first].text.endswith("%")
    ):
        return
    number = words[first]
    answer = sentence.text[number.start : number.end]
    if words is sentence.rest:
        end = clause_end(words, 1)
        noun = next((i for i in range(1, min(end, 5)) if words[i].text.endswith("s")), 0)
        if not noun:
            return
        # "How many types of precession are there?", but "… are there in the world?"
        of = noun + 1 < end and words[noun + 1].low == "of"
        last = end if of else noun + 1
        asked = [
            "How many",
            *texts(words[1:last]),
            verb.word.low,
            "there",
            *texts(words[last:end]),
        ]
    else:
        if not words[-1].text.endswith("s") and "of" not in low[first:]:
            return
        rest = sentence.rest[: clause_end(sentence.rest, 0)]
        asked = ["How many", *texts(words[first + 1 :]), verb.word.text, *texts(rest)]
    yield from _checked(asked, _lead_text(sentence), answer, number.start, "number", "\n")


def _lead_text(sentence: Sentence) -> str:
    """Return the lead to put at a question's end, if it names a time or place."""
    lead = sentence.lead
    if not any(word.capital or word.text[0].isdigit() for word in lead[1:]):
        return ""
    return " ".join([" " + lead[0].low, *texts(lead[1:])])


def _checked(
    words: list[str], lead: str, answer: str, start: int, kind: str, subject: str
) -> Iterator[Asked]:
    question = " ".join(words)
    if question.split()[-1].lower().strip(",") in _DANGLING and kind not in ("object", "naming"):
        return
    question = (question + lead).rstrip(" ,;") + "?"
    fewest = {"definition": 3, "place": 3, "agent": 4}.get(kind, _FEWEST_WORDS)
    if (
        fewest <= len(question.split()) <= _MOST_WORDS
        and 1 <= len(answer.split()) <= _MOST_WORDS
        and not _UNCLEAR.search(question.replace(subject, "", 1))
        and not _UNCLEAR.search(answer)
        and answer.lower() not in question.lower()
        and not _MARKUP.search(question + answer)
    ):
        yield Asked(question, answer, start, kind)
