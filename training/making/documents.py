"""Document question answering made out of plain text, passage by passage."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence

from training.evaluation.language import LANGUAGES, Language
from training.making.asked import Asked
from training.making.exercises import TURNS, Block, Exercise
from training.making.passages import Passage, passages
from training.making.questions import questions
from training.making.records import Record, conversation

_QUESTIONS = (2, 3, 4, 5, 6, 8)
_PASSAGES_AT_ONCE = 1200
"""A question finds its foreign passages among so many."""

Ask = Callable[[Passage, random.Random], list[Asked]]
"""Returns the questions that a passage is asked."""


def from_documents(documents: Iterable[Record], seed: str = "") -> Iterator[Record]:
    """Yield {"messages", "lang"} records made from {"text", "lang"} ones.

    The same for the same `seed`; another seed cuts other passages and asks other questions.
    """
    for exercise in exercises(documents, seed):
        yield conversation(exercise.pairs(), exercise.language)


def _some_questions(passage: Passage, generator: random.Random) -> list[Asked]:
    return questions(passage, generator.choice(_QUESTIONS), generator)


def exercises(
    documents: Iterable[Record],
    seed: str,
    ask: Ask = _some_questions,
    turns: Sequence[int] = TURNS,
) -> Iterator[Exercise]:
    """Yield the exercises over the passages of some documents, some hundred in memory."""
    generator = random.Random(seed)  # noqa: S311 - sampling, not secrecy
    waiting: dict[Language, list[Passage]] = {language: [] for language in LANGUAGES}
    for record in documents:
        language = record["lang"]
        if language not in waiting:
            continue
        waiting[language].extend(passages(record["text"], language, generator))
        if len(waiting[language]) >= _PASSAGES_AT_ONCE:
            yield from _over(waiting[language], generator, ask, turns)
            waiting[language] = []
    for rest in waiting.values():
        if rest:
            yield from _over(rest, generator, ask, turns)


def _over(
    block: list[Passage], generator: random.Random, ask: Ask, turns: Sequence[int]
) -> Iterator[Exercise]:
    asked = [ask(passage, generator) for passage in block]
    yield from Block(block, asked, generator, turns=turns).exercises()
