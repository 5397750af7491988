"""Document question answering made out of plain text, passage by passage."""

import random
from collections.abc import Iterable, Iterator

from training.evaluation.language import LANGUAGES, Language
from training.making.exercises import Block, Exercise
from training.making.passages import Passage, passages
from training.making.questions import questions
from training.making.records import Record, conversation

_QUESTIONS = (1, 2, 3, 3, 4, 5)
_PASSAGES_AT_ONCE = 1200
"""A question finds its foreign passages among so many."""


def from_documents(documents: Iterable[Record], seed: str = "") -> Iterator[Record]:
    """Yield {"messages", "lang"} records made from {"text", "lang"} ones.

    The same for the same `seed`; another seed cuts other passages and asks other questions.
    """
    for exercise in exercises(documents, seed):
        yield conversation(exercise.pairs(), exercise.language)


def exercises(documents: Iterable[Record], seed: str) -> Iterator[Exercise]:
    """Yield the exercises over the passages of some documents, some hundred in memory."""
    generator = random.Random(seed)  # noqa: S311 - sampling, not secrecy
    waiting: dict[Language, list[Passage]] = {language: [] for language in LANGUAGES}
    for record in documents:
        language = record["lang"]
        if language not in waiting:
            continue
        waiting[language].extend(passages(record["text"], language, generator))
        if len(waiting[language]) >= _PASSAGES_AT_ONCE:
            yield from _over(waiting[language], generator)
            waiting[language] = []
    for rest in waiting.values():
        if rest:
            yield from _over(rest, generator)


def _over(block: list[Passage], generator: random.Random) -> Iterator[Exercise]:
    asked = [questions(passage, generator.choice(_QUESTIONS), generator) for passage in block]
    yield from Block(block, asked, generator).exercises()
