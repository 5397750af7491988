"""Questions of a few words that stand around their answer, in any order, and a question word.

People ask in other words than a text has: what their questions share with it is scattered around
the answer, not beside it, and the question word says what kind of thing is wanted. Questions made
by rule keep the order of the sentence, gaps keep the neighbours; these keep neither.
"""

import itertools
import math
import random
import re
from collections.abc import Iterable, Iterator

from engine.documents.answering.words import FUNCTION_KINDS, KIND, Word, is_empty, words_of
from training.evaluation.language import Language
from training.making.asked import Asked
from training.making.documents import exercises
from training.making.passages import Passage
from training.making.records import Record, conversation

_MOST = 8
_TURNS = (2, 4, 6, 8)
_TRIES = 3
"""So often is a question looked for, for each that is wanted."""
_KEYWORDS = (2, 3, 3, 4, 4, 5, 6)
"""So many words of the text a question has, by chance."""
_NEAR = 8.0
"""Words away from the answer at which a word is half as likely to be in the question."""
_IN_ORDER = 0.6
"""So many questions keep their words in the order of the text."""
_TITLED = 0.3
"""So many questions name what the document is about."""
_SHORTENED = 0.3
"""So many words come in another form than the text's."""
_ASKED_LAST = 0.15
"""So many English questions end with their question word."""
_LONGEST = {"thing": 4, "name": 6}
"""Words of an answer; of a number or a date, as many as stand together."""
_GROUPS = {
    KIND[kind]: group
    for group, kinds in {
        "count": ("number", "unit"),
        "time": ("time",),
        "person": ("person",),
        "place": ("place",),
        "name": ("name", "body", "foreign"),
        "thing": ("noun", "adjective"),
    }.items()
    for kind in kinds
}
_SHARES = {"count": 1.0, "time": 1.0, "person": 1.5, "place": 1.5, "name": 1.5, "thing": 0.3}
_DATE = re.compile(r"[年月日号]|世纪|\b(?:1\d|20)\d\d\b")
_WORDS: dict[Language, dict[str, tuple[str, ...]]] = {
    "zh": {
        "count": ("多少", "几", "有多少", "多大", "数量是多少"),
        "time": ("什么时候", "何时", "哪一年", "哪年", "在什么时间"),
        "person": ("谁", "哪位", "什么人", "是谁", "的人叫什么"),
        "place": ("哪里", "什么地方", "何处", "在哪", "位于哪里", "哪个地方"),
        "name": ("什么", "哪个", "叫什么", "哪一个", "名称是什么"),
        "thing": ("什么", "哪些", "是什么", "哪种", "什么样的"),
    },
    "en": {
        "count": ("How many", "How much", "What number of", "How large"),
        "time": ("When", "In what year", "What year", "What date"),
        "person": ("Who", "Whom", "Which person", "By whom"),
        "place": ("Where", "In what place", "What place", "Which place"),
        "name": ("Who", "What", "Which", "What is the name of", "Where"),
        "thing": ("What", "Which", "What kind of", "What type of"),
    },
}
_FILLERS: dict[Language, tuple[str, ...]] = {
    "zh": (*[""] * 9, "的", "是", "在"),
    "en": (*[""] * 6, "the", "the", "of", "in", "was", "did", "is"),
}
_ENDINGS = (("ies", "y"), ("ing", ""), ("ed", ""), ("es", ""), ("s", ""))


def from_keywords(documents: Iterable[Record], seed: str = "") -> Iterator[Record]:
    """Yield {"messages", "lang"} records made from {"text", "lang"} ones.

    The same for the same `seed`; another seed cuts other passages and asks for other words.
    """
    for exercise in exercises(documents, seed, ask=keywords, turns=_TURNS):
        yield conversation(exercise.pairs(), exercise.language)


def keywords(passage: Passage, generator: random.Random) -> list[Asked]:
    """Return at most eight questions, each with an answer that stands in the passage once."""
    sentences = [
        _Sentence(passage.text[start:end], start, passage.language)
        for start, end in passage.sentences
    ]
    sentences = [one for one in sentences if one.answers and "formula_" not in one.text]
    asked: dict[str, Asked] = {}
    for _ in range(_TRIES * _MOST if sentences else 0):
        one = generator.choice(sentences).ask(generator, passage)
        if one is not None and passage.text.count(one.answer) == 1:
            asked.setdefault(one.answer, one)
        if len(asked) == _MOST:
            break
    return list(asked.values())


class _Sentence:
    """The words of a sentence, and the runs of them that can be asked for."""

    def __init__(self, text: str, start: int, language: Language) -> None:
        self.text = text
        self._start = start
        self._language: Language = language
        self._words = words_of(text)
        self.answers = list(self._runs())

    def _runs(self) -> Iterator[tuple[str, int, int]]:
        """Yield (group, first word, word behind the last) of words of one group side by side."""
        place = 0
        for group, run in itertools.groupby(self._words, lambda word: _GROUPS.get(word.kind, "")):
            first, place = place, place + len(list(run))
            if not group or place - first > _LONGEST.get(group, math.inf):
                continue
            span = self._span(first, place)
            if group == "count" and _DATE.search(span):
                group = "time"
            relative = group == "time" and not any(map(str.isdigit, span))  # "today"
            if len(span) > 1 and not relative:
                yield group, first, place

    def _span(self, first: int, last: int) -> str:
        return self.text[self._words[first].start : self._words[last - 1].end]

    def ask(self, generator: random.Random, passage: Passage) -> Asked | None:
        """Return a question for one of the runs; None where too few words stand around it.

        None too where the question gives its answer away.
        """
        weights = [_SHARES[group] for group, _, _ in self.answers]
        group, first, last = generator.choices(self.answers, weights)[0]
        chosen = self._around(first, last, generator)
        if len(chosen) < min(_KEYWORDS):
            return None
        words = [self._form(word, generator) for word in chosen]
        if passage.topic and generator.random() < _TITLED:
            words.insert(0, passage.topic.name)
        question = self._question(words, group, generator)
        answer = self._span(first, last)
        if answer in question:
            return None
        return Asked(question, answer, self._start + self._words[first].start, "keywords")

    def _around(self, first: int, last: int, generator: random.Random) -> list[Word]:
        """Return some words with a meaning, those near the answer more often."""
        keyed = [
            (generator.random() ** (2 ** (distance / _NEAR)), word)
            for number, word in enumerate(self._words)
            if (distance := max(first - number, number - last + 1)) > 0
            and word.kind not in FUNCTION_KINDS
            and not is_empty(word)
        ]
        keyed.sort(key=lambda item: -item[0])
        chosen = [word for _, word in keyed[: generator.choice(_KEYWORDS)]]
        if generator.random() < _IN_ORDER:
            chosen.sort(key=lambda word: word.start)
        return chosen

    def _form(self, word: Word, generator: random.Random) -> str:
        """Return the word, or another form of it."""
        text = self.text[word.start : word.end]
        if text[0].isdigit() or generator.random() >= _SHORTENED:
            return text
        if self._language == "zh":
            return text if len(text) < 3 else generator.choice((text[1:], text[:-1]))
        for ending, other in _ENDINGS:
            if text.endswith(ending) and len(text) > len(ending) + 2:
                return text.removesuffix(ending) + other
        return text

    def _question(self, words: list[str], group: str, generator: random.Random) -> str:
        """Put the question word before, behind or between the words."""
        asks = generator.choice(_WORDS[self._language][group])
        fillers = _FILLERS[self._language]
        if self._language == "zh":
            place = generator.choice((0, len(words), generator.randint(0, len(words))))
            parts = [*words[:place], asks, *words[place:]]
            filled = (part + generator.choice(fillers) for part in parts[:-1])
            return f"{''.join(filled)}{parts[-1]}？"
        if generator.random() < _ASKED_LAST:
            asks, words = words[0], [*words[1:], asks.lower()]
        parts = [asks, *(f"{generator.choice(fillers)} {word}".strip() for word in words)]
        return " ".join(parts) + "?"
