"""Preference pairs: the answer to prefer is ours, the other has one plain fault.

Over documents: an answer that is not the right one, a refusal where there is an answer, an answer
where there is none, a wrong or missing source. In conversations: an invented fact, help with harm,
a refusal of what is harmless, another topic's answer. In both: going round in circles, and the
other language.
"""

import random
from collections.abc import Iterable, Iterator
from typing import Any

from engine.document_prompt import cite
from training.evaluation.language import Language, language_of
from training.making.conversations import Conversations, Group
from training.making.documents import exercises
from training.making.exercises import Exercise
from training.making.human_questions import human_exercises, written_exercises
from training.making.records import Record
from training.making.wordings import wordings

_FOREIGN_REFUSAL: dict[Language, str] = {"zh": "The passage does not say.", "en": "文中没有提到。"}
_FILLS = 2


def question_pairs(documents: Iterable[Record], seed: str = "") -> Iterator[Record]:
    """Yield {"prompt", "chosen", "rejected", "lang"} records from {"text", "lang"} ones.

    Made from the same exercises as training.making.documents makes; the same for the same `seed`.
    """
    return _pairs(exercises(documents, seed), seed)


def human_question_pairs(documents: Iterable[Record], seed: str = "") -> Iterator[Record]:
    """Yield the same from finished conversations with people's questions about documents."""
    return _pairs(human_exercises(documents, seed), seed)


def written_question_pairs(documents: Iterable[Record], seed: str = "") -> Iterator[Record]:
    """Yield the same from what was written for this project about {"text", "lang"} documents."""
    return _pairs(written_exercises(documents, seed), seed)


def _pairs(made: Iterable[Exercise], seed: str) -> Iterator[Record]:
    generator = random.Random(f"{seed} pairs")  # noqa: S311 - sampling, not secrecy
    for exercise in made:
        turn = exercise.turns[0]
        if rejected := _fault(exercise, generator):
            yield _pair(turn.user, turn.assistant, rejected, exercise.language)


def _fault(exercise: Exercise, generator: random.Random) -> str | None:
    """Return a faulty answer to the first question, or None if chance finds none."""
    turn, words = exercise.turns[0], wordings(exercise.language)
    numbered = exercise.pieces > 0
    kind = generator.random()
    if kind < 0.1:
        return _in_circles(turn.assistant, exercise.language, generator)
    if turn.span is None:
        wrong = exercise.wrong[0] if exercise.wrong else None
        if wrong and numbered:
            wrong = f"{wrong} {cite(generator.randint(1, exercise.pieces))}"
        return _FOREIGN_REFUSAL[exercise.language] if kind < 0.18 else wrong
    if kind < 0.35:
        return words.refuse(generator, numbered)
    if exercise.pieces > 1 and kind < 0.6:
        right = turn.assistant.removeprefix(f"{turn.span} ")
        others = [one for n in range(1, exercise.pieces + 1) if (one := cite(n)) != right]
        return generator.choice((f"{turn.span} {generator.choice(others)}", turn.span))
    if exercise.wrong:
        wrong = exercise.wrong[0]
        return f"{wrong} {cite(generator.randint(1, exercise.pieces))}" if numbered else wrong
    return None


def written_pairs(files: Iterable[dict[str, Any]], seed: str = "") -> Iterator[Record]:
    """Yield {"prompt", "chosen", "rejected", "lang"} records from files of written conversations.

    The same for the same `seed`. Raises as training.making.conversations.Conversations does.
    """
    for contents in files:
        yield from _of_written(Conversations(contents, seed))


def _of_written(told: Conversations) -> Iterator[Record]:
    generator = told.generator
    for group in told.groups:
        others = [other for other in told.groups if other is not group and other.lang == group.lang]
        for user in group.user:
            for _ in range(_FILLS if "{" in user else 1):
                answers = [
                    generator.choice(group.assistant),
                    _worse(group, others, told, generator),
                ]
                # Both answers with the same words in their slots.
                (question, chosen), (_, rejected) = told.fill(
                    [(user, answers[0]), (user, answers[1])]
                )
                if rejected == chosen:
                    continue
                yield _pair(
                    question,
                    chosen,
                    rejected or _in_circles(chosen, group.lang, generator),
                    group.lang,
                )


def _worse(group: Group, others: list[Group], told: Conversations, generator: random.Random) -> str:
    """Return a faulty answer, "" for one that goes round in circles."""
    if group.wrong and generator.random() < 0.75:
        return generator.choice(group.wrong)
    kind = generator.random()
    if kind < 0.3:
        return ""
    if kind < 0.5 and told.foreign:
        return generator.choice(told.foreign)
    refusing = [other for other in others if not other.safe]
    if kind < 0.75 and group.safe and refusing:
        return generator.choice(generator.choice(refusing).assistant)
    return generator.choice(generator.choice(others).assistant)


def _in_circles(answer: str, language: Language, generator: random.Random) -> str:
    """Return `answer` repeated again and again: the whole of it, or its end."""
    joint = "" if language_of(answer) == "zh" else " "
    times = generator.randint(4, 8)
    if generator.random() < 0.5:
        return joint.join([answer] * times)
    units = list(answer) if language == "zh" else answer.split()
    tail = joint.join(units[-min(len(units), 4) :])
    return joint.join([answer, *[tail] * times])


def _pair(question: str, chosen: str, rejected: str, language: Language) -> Record:
    prompt = [{"role": "user", "content": question}]
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected, "lang": language}
