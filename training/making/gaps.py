"""Questions in a passage's own words with a gap, as many as a passage has room for.

To answer from a passage is to find the words of the question there and to take what stands
beside them. Questions in good language are few to a passage; these train the same two steps
many times for each passage that is read.
"""

import random
import re
from collections.abc import Iterable, Iterator

from engine.documents.answering.words import words_of
from training.evaluation.language import Language
from training.making.asked import Asked
from training.making.cloze import SPANS
from training.making.documents import exercises
from training.making.passages import Passage
from training.making.records import Record, conversation

_MOST = 8
_TURNS = (4, 6, 8, 8)
_TRIES = 4
"""So often is a question looked for, for each that is wanted."""
_CLAUSE = {
    "zh": re.compile(r"[^\s，。；：！？（）()“”「」『』][^，。；：！？（）()“”「」『』\n]*"),
    "en": re.compile(r"[^\s,;:()\"“”.!?](?:[^,;:()\"“”\n.!?]|[.!?,](?=\w))*"),
}
_ENGLISH_WORD = re.compile(r"\S+")
_ANSWER_WORDS = {"zh": (1, 3), "en": (1, 4)}
_CONTEXT_WORDS = {"zh": (2, 8), "en": (3, 10)}
"""How much stands beside a gap: at least so much in all, at most so much on each side."""
_FORMS = {
    "zh": (
        "{l}____{r}",
        "{l}什么{r}？",
        "{l}什么{r}",
        "填空：{l}____{r}",
        "“{l}……{r}”，省略了什么？",
    ),
    "en": (
        "{l}____{r}",
        "{l}what{r}?",
        "Fill the gap: {l}____{r}",
        "What is missing? {l}____{r}",
        'What stands in "{l}...{r}"?',
    ),
}


def from_gaps(documents: Iterable[Record], seed: str = "") -> Iterator[Record]:
    """Yield {"messages", "lang"} records made from {"text", "lang"} ones.

    The same for the same `seed`; another seed cuts other passages and asks for other words.
    """
    for exercise in exercises(documents, seed, ask=gaps, turns=_TURNS):
        yield conversation(exercise.pairs(), exercise.language)


def gaps(passage: Passage, generator: random.Random) -> list[Asked]:
    """Return at most eight questions; each answer, and one side of its gap, is there just once."""
    found: dict[str, Asked] = {}
    clauses = [
        (match, _words(match[0], passage.language))
        for match in _CLAUSE[passage.language].finditer(passage.text)
        if "formula_" not in match[0]
    ]
    for _ in range(_TRIES * _MOST if clauses else 0):
        asked = _ask(passage, *generator.choice(clauses), generator)
        if asked is not None:
            found.setdefault(asked.answer, asked)
        if len(found) == _MOST:
            break
    return list(found.values())


def _ask(
    passage: Passage,
    clause: re.Match[str],
    words: list[tuple[int, int]],
    generator: random.Random,
) -> Asked | None:
    language, text = passage.language, passage.text
    start, end = _span(clause[0], words, language, generator)
    answer = clause[0][start:end]
    least, most = _CONTEXT_WORDS[language]
    before = [word for word in words if word[1] <= start]
    behind = [word for word in words if word[0] >= end]
    if len(before) + len(behind) < least or text.count(answer) != 1:
        return None
    left, right = clause[0][:start], clause[0][end:]
    if len(before) > most:
        left = clause[0][before[-generator.randint(least, most)][0] : start]
    if len(behind) > most:
        right = clause[0][end : behind[generator.randint(least, most) - 1][1]]
    if not any(text.count(side) == 1 for side in (left, right) if side.strip()):
        return None
    question = generator.choice(_FORMS[language]).format(l=left, r=right).strip()
    return Asked(question, answer, clause.start() + start, "cloze")


def _words(clause: str, language: Language) -> list[tuple[int, int]]:
    """Return where each word begins and ends.

    Cut inside a Chinese word, a question and its answer would hold other tokens than the passage.
    """
    if language == "zh":
        return [(word.start, word.end) for word in words_of(clause)]
    return [match.span() for match in _ENGLISH_WORD.finditer(clause)]


def _span(
    clause: str, words: list[tuple[int, int]], language: Language, generator: random.Random
) -> tuple[int, int]:
    """Return where the gap begins and ends: a name, date or amount, or any words."""
    named = [match.span() for match in SPANS[language].finditer(clause)]
    if named and generator.random() < 0.5:
        return generator.choice(named)
    fewest, most = _ANSWER_WORDS[language]
    count = min(generator.randint(fewest, most), len(words))
    first = generator.randint(0, len(words) - count)
    return words[first][0], words[first + count - 1][1]
