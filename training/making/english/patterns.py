"""Questions from turns of phrase that English texts use for facts: births, sizes, names, offices.

Their wording shares little with the sentence, unlike that of training.making.english.questions.
"""

import random
import re
from collections.abc import Iterator

from training.making.asked import Asked
from training.making.english.clauses import AUXILIARIES, forms
from training.making.topics import Topic
from training.making.vocabulary import vocabulary

_VOCABULARY = vocabulary("en")
_MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_DAY = rf"(?:{_MONTH} \d{{1,2}}, \d{{4}}|\d{{1,2}} {_MONTH} \d{{4}}|(?<!\d)\d{{4}})"
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?(?: (?:million|billion|thousand))?)"
_NAME = r"[A-Z][\w.'’\-]*(?: (?:of|the|de|von|van|and) (?=[A-Z])| [A-Z0-9][\w.'’\-]*)*"
_Phrases = tuple[tuple[re.Pattern[str], tuple[str, ...], str], ...]


def _phrases(name: str) -> _Phrases:
    found = []
    for entry in _VOCABULARY.entries(name):
        said = entry["said"].replace("NUMBER", _NUMBER).replace("NAME", _NAME).replace("DAY", _DAY)
        found.append((re.compile(said), tuple(entry["ask"]), entry["kind"]))
    return tuple(found)


_ABOUT_THINGS = _phrases("things")
_ABOUT_PERSONS = _phrases("persons")
_OFFICES = "|".join(_VOCABULARY.words("offices")).replace("_", " ")
_APPOSITION = re.compile(
    rf"(?:^(?!(?:In|When|On|After|As|At|By|With) )| by |, when )(?P<a>{_NAME}), (?:the|then|a) "
    rf"(?P<o>(?:[a-z]+ )?(?:{_OFFICES})) of (?P<n>(?:the )?{_NAME})(?=,)"
)
_ITEM = r"(?:[\w'’\-]+ ){0,3}[\w'’\-]+"
_SUCH_AS = re.compile(
    r"\b(?P<n>(?:[a-z\-]+ )?[a-z\-]+s),? such as "
    rf"(?P<a>{_ITEM}(?:, {_ITEM})*,? (?:and|or) {_ITEM})(?=[.;]|, (?:which|that|who|and|but))"
)
_PERCENT = re.compile(
    r"(?P<a>\d+(?:\.\d+)?(?:%| percent)) of "
    r"(?P<n>(?!which )(?:the |all )?(?:(?!and |as |but |that |who |which )[a-zA-Z'\-]+ ){0,5}"
    r"(?!and|as|but|that|who)[a-zA-Z'\-]{3,}) "
    r"(?P<v>is|are|was|were|have|has|had|live|lives|lived|speak|voted)\b(?P<r>[^,.;()]{3,60})"
    r"(?=[,.;])"
)
_NO_ADJECTIVES = frozenset(_VOCABULARY.words("no_adjectives"))
_UNCLEAR = re.compile(
    r"\b(?:he|she|it|they|him|them|this|these|those|his|her|its|their|we|our|us)\b", re.IGNORECASE
)
_MARKUP = re.compile(r"[\"“”\[\]_=<>|*#]|formula_|''")
_MOST_WORDS = 24


def by_pattern(sentence: str, topic: Topic | None, generator: random.Random) -> Iterator[Asked]:
    """Yield questions for the turns of phrase that `sentence` has."""
    for asked in _all(sentence, topic, generator):
        if (
            asked.answer.lower() not in asked.question.lower()
            and not _MARKUP.search(asked.question + asked.answer)
            and not _UNCLEAR.search(asked.answer)
            and len(asked.answer.split()) <= _MOST_WORDS
        ):
            yield asked


def _all(sentence: str, topic: Topic | None, generator: random.Random) -> Iterator[Asked]:
    if topic is not None and _is_about(sentence, topic):
        for pattern, ask, kind in _ABOUT_PERSONS if topic.is_person else _ABOUT_THINGS:
            if kind in ("lifetime", "definition", "other name") and sentence != topic.opening:
                continue
            if match := pattern.search(sentence):
                yield _found(match, generator.choice(ask).format(t=topic.name), kind)
    if match := _APPOSITION.search(sentence):
        thing = match["o"].endswith("capital")
        who = "What is" if thing else generator.choice(("Who is", "Who was"))
        yield _found(match, f"{who} the {match['o']} of {match['n']}?", "apposition")
    if match := _SUCH_AS.search(sentence):
        yield from _examples(match, generator)
    if match := _PERCENT.search(sentence):
        question = f"What percentage of {match['n']} {match['v']}{match['r']}?"
        if question[-2].isdigit() or " and " in match["r"]:
            return
        yield _found(match, question, "percent")


def _is_about(sentence: str, topic: Topic) -> bool:
    """Return whether `sentence` begins with the topic, or with a word for it."""
    starts = [f"{topic.pronoun.capitalize()} ", *topic.aliases]
    starts += [f"The {alias}" for alias in topic.aliases]
    if topic.kind:
        starts.append(f"The {topic.kind} ")
    return sentence.startswith(tuple(starts))


def _examples(match: re.Match[str], generator: random.Random) -> Iterator[Asked]:
    noun, answer = match["n"], match["a"]
    first = noun.split()[0]
    known = forms()
    verb = first in known.bases or first in known.past
    if verb or first in _NO_ADJECTIVES or first.endswith(("ly", "ing")):
        noun = noun.split(" ", 1)[-1]
    # "Thailand and Indonesia, as well as …" or "tin, and tellurium, also improve" is no list alone.
    if answer.split()[0] in ("with", "in", "to", "by", "from") or " also " in answer:
        return
    last = answer.replace(" and ", ", ").replace(" or ", ", ").split(", ")[-1]
    if any(word in known.bases for word in last.split()[1:]):
        return
    if len(noun) < 4 or any(word in known.past or word in AUXILIARIES for word in answer.split()):
        return
    ask = (
        "What are some examples of {n}?",
        "Which {n} are mentioned?",
        "What {n} are named as examples?",
    )
    yield Asked(generator.choice(ask).format(n=noun), answer, match.start("a"), "examples")


def _found(match: re.Match[str], question: str, kind: str) -> Asked:
    return Asked(question, match["a"], match.start("a"), kind)
