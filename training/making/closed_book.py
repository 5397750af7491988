"""Questions about facts without a text: it does not know them, until it is given the text.

So small a model cannot hold who was born when; asked for such a fact it must not invent one.
What it can hold, and what is explained rather than known, is in the written conversations.
"""

import random
import re
from collections.abc import Iterable, Iterator

from training.evaluation.language import LANGUAGES, Language
from training.making.passages import passages
from training.making.questions import questions
from training.making.records import Record, conversation
from training.making.wordings import wordings

_KINDS = frozenset(
    ["time", "number", "ordinal", "percent", "size", "lifetime", "agent", "person", "place", "work"]
)
"""Kinds of questions that ask for a fact, not for an explanation."""
_OF_A_TEXT = re.compile(r"文中|文章|passage|text|mentioned")
_PASSAGE_SHARE = 0.3
"""So often is the text given afterwards, and the question answered."""
_INSIST_SHARE = 0.15
_LOOKED_AT = 3
_MEANING = re.compile(r"(?:means: |1\. \(\w+\) )(?P<meaning>[^\n]+?)[.;]?(?:\n|$)")
"""The first one in an answer of a dictionary."""


def from_closed_book(documents: Iterable[Record], seed: str = "") -> Iterator[Record]:
    """Yield {"messages", "lang"} records made from {"text", "lang"} ones, one for each at most.

    The same for the same `seed`.
    """
    generator = random.Random(seed)  # noqa: S311 - sampling, not secrecy
    for record in documents:
        if record["lang"] not in LANGUAGES:
            continue
        found = list(passages(record["text"], record["lang"], generator))
        if not found:
            continue
        passage = generator.choice(found)
        for asked in questions(passage, _LOOKED_AT, generator):
            if asked.kind in _KINDS and not _OF_A_TEXT.search(asked.question):
                turns = _asked_and_given(
                    asked.question, passage.text, asked.answer, passage.language, generator
                )
                yield conversation(turns, passage.language)
                break


def from_dictionary(documents: Iterable[Record], seed: str = "") -> Iterator[Record]:
    """Yield records as `from_closed_book` does, from conversations that explain a word.

    The words of a language are too many for so small a model, too: what it learns of a
    dictionary is the form, and it fills that with anything.
    """
    generator = random.Random(seed)  # noqa: S311 - sampling, not secrecy
    for record in documents:
        question, answer = (message["content"] for message in record["messages"][:2])
        found = _MEANING.search(answer)
        if found is not None:
            turns = _asked_and_given(question, answer, found["meaning"], record["lang"], generator)
            yield conversation(turns, record["lang"])


def _asked_and_given(
    question: str, text: str, answer: str, language: Language, generator: random.Random
) -> list[tuple[str, str]]:
    """Return turns that do not know the answer, and sometimes then find it in the text."""
    words = wordings(language)
    turns = [(question, generator.choice(words.unknown))]
    chance = generator.random()
    if chance < _PASSAGE_SHARE:
        turns.append((generator.choice(words.given).replace("{p}", text), answer))
    elif chance < _PASSAGE_SHARE + _INSIST_SHARE:
        turns.append((generator.choice(words.insist), generator.choice(words.no_guess)))
    return turns
