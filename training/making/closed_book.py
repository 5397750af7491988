"""Questions about facts without a text: it does not know them, until it is given the text.

So small a model cannot hold who was born when; asked for such a fact it must not invent one.
What it can hold, and what is explained rather than known, is in the written conversations.
"""

import random
import re
from collections.abc import Iterable, Iterator

from training.evaluation.language import LANGUAGES
from training.making.asked import Asked
from training.making.passages import Passage, passages
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
                yield conversation(_turns(passage, asked, generator), passage.language)
                break


def _turns(passage: Passage, asked: Asked, generator: random.Random) -> list[tuple[str, str]]:
    words = wordings(passage.language)
    turns = [(asked.question, generator.choice(words.unknown))]
    chance = generator.random()
    if chance < _PASSAGE_SHARE:
        turns.append((generator.choice(words.given).replace("{p}", passage.text), asked.answer))
    elif chance < _PASSAGE_SHARE + _INSIST_SHARE:
        turns.append((generator.choice(words.insist), generator.choice(words.no_guess)))
    return turns
