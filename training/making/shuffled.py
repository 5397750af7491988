"""Questions about words out of order: the stage `lookup`, in the words and the frame of text.

A passage is some words of a document, shuffled; a question is some of them in a row with a gap,
and nothing but looking it up gives the answer. A model that learned to look things up from random
tokens forgets it in its first steps of text unless it is asked on.
"""

import random
import re
from collections.abc import Iterable, Iterator

from training.evaluation.language import LANGUAGES, Language
from training.making.records import Record, conversation

_WORD = {"zh": re.compile(r"[\u4e00-\u9fff]{2}"), "en": re.compile(r"[A-Za-z]{3,}|\d{2,}")}
_JOINT = {"zh": "，", "en": " "}
_LENGTHS = (8, 24)
"""Words of a passage: fewest and most."""
_TURNS = (6, 11)
_BESIDE = 3
"""At most so many words stand before and behind a gap."""
_GAPS = {
    "zh": ("____", "什么", "谁", "哪里", "……"),
    "en": ("____", "what", "who", "which", "where", "..."),
}
_MOST = 2
"""Conversations for each document."""


def from_shuffled(documents: Iterable[Record], seed: str = "") -> Iterator[Record]:
    """Yield {"messages", "lang"} records made from {"text", "lang"} ones.

    The same for the same `seed`; another seed takes other words.
    """
    generator = random.Random(seed)  # noqa: S311 - sampling, not secrecy
    for document in documents:
        language = document["lang"]
        if language not in LANGUAGES:
            continue
        found = dict.fromkeys(_WORD[language].findall(document["text"]))
        words = [word for word in found if word not in _GAPS[language]]
        generator.shuffle(words)
        for _ in range(_MOST):
            count = generator.randint(*_LENGTHS)
            passage, words = words[:count], words[count:]
            if len(passage) >= _LENGTHS[0]:
                yield conversation(_turns(passage, language, generator), language)


def _turns(
    passage: list[str], language: Language, generator: random.Random
) -> list[tuple[str, str]]:
    """Return questions for words inside the passage, the passage before the first."""
    places = list(range(1, len(passage) - 1))
    generator.shuffle(places)
    turns = [
        (_question(passage, place, language, generator), passage[place])
        for place in places[: generator.randint(*_TURNS)]
    ]
    question, answer = turns[0]
    return [(f"{_JOINT[language].join(passage)}\n{question}", answer), *turns[1:]]


def _question(passage: list[str], place: int, language: Language, generator: random.Random) -> str:
    """Return what asks for one word: a gap behind those before it, or between those beside it."""
    before = passage[max(0, place - generator.randint(1, _BESIDE)) : place]
    behind = passage[place + 1 :][: generator.choice((0, 1, 2, _BESIDE))]
    end = generator.choice(("", {"zh": "？", "en": "?"}[language]))
    return _JOINT[language].join([*before, generator.choice(_GAPS[language]), *behind]) + end
