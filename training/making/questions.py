"""The questions that a passage answers, each answer a span that stands there exactly once."""

import random
from collections import Counter
from collections.abc import Iterator

from training.making.asked import Asked
from training.making.chinese import patterns as chinese_patterns
from training.making.chinese.clauses import clauses
from training.making.chinese.questions import in_place
from training.making.cloze import blanks
from training.making.english import patterns as english_patterns
from training.making.english.questions import from_sentence
from training.making.paraphrase import paraphrase
from training.making.passages import Passage

_MOST_SENTENCES = 14
"""So many sentences of a passage, chosen by chance, are looked at."""
_WEIGHTS = {
    **dict.fromkeys(("reason", "purpose"), 4.0),
    **dict.fromkeys(("quality", "list", "manner", "apposition"), 3.0),
    **dict.fromkeys(("other name", "result", "agent"), 2.0),
    **dict.fromkeys(("size", "place", "naming"), 1.5),
    **dict.fromkeys(("object", "percent"), 0.7),
    **dict.fromkeys(("definition", "value", "result"), 0.5),
    **{"time": 0.8, "ordinal": 0.4, "cloze": 0.12},
}
"""How eagerly a question of each kind is chosen; 1 where it is not named."""
_CLOZE_FREE = 0.6
"""The share of passages that get no sentence with a blank; the others get one at most."""
_HOLES = (
    "。。",
    "，，",
    "第 ",
    "（）",
    "()",
    "（，",
    "  ",
    "、、",
    "：，",
    "为，",
    "是，",
    "约。",
    "为。",
    "于，",
    "于。",
)


def questions(passage: Passage, most: int, generator: random.Random) -> list[Asked]:
    """Return at most `most` questions, different in kind and place where the passage has them.

    `start` of each is the answer's place in the passage.
    """
    order = list(range(len(passage.sentences)))
    generator.shuffle(order)
    candidates = [
        (asked, index)
        for index in order[:_MOST_SENTENCES]
        for asked in _of_sentence(passage, index, generator)
        if _is_clear(asked, passage)
    ]
    kinds = Counter(asked.kind for asked, _ in candidates)
    # Weighted sampling without replacement (Efraimidis & Spirakis 2006).
    keyed = [
        (generator.random() ** (kinds[a.kind] / _WEIGHTS.get(a.kind, 1.0)), n, a, i)
        for n, (a, i) in enumerate(candidates)
    ]
    chosen: list[Asked] = []
    first_sentence, clozes = 0, int(generator.random() < _CLOZE_FREE)
    for _, _, asked, index in sorted(keyed, reverse=True):
        if len(chosen) == most:
            break
        if _overlaps(asked, chosen) or (
            index == 0 and first_sentence and len(passage.sentences) > 2
        ):
            continue
        if asked.kind == "cloze" and clozes:
            continue
        chosen.append(asked)
        first_sentence += index == 0
        clozes += asked.kind == "cloze"
    return chosen


def _of_sentence(passage: Passage, index: int, generator: random.Random) -> Iterator[Asked]:
    sentence = passage.sentence(index)
    topic = None if _is_list(passage) else passage.topic
    start = passage.sentences[index][0]
    if sentence[0] in "，、。；" or any(hole in sentence for hole in _HOLES):
        return
    if passage.language == "zh":
        parts = list(clauses(sentence, topic))
        asked = [*chinese_patterns.by_pattern(sentence, parts, topic, generator)]
        for clause in parts:
            asked += in_place(clause, sentence, generator)
    else:
        asked = [*english_patterns.by_pattern(sentence, topic, generator)]
        asked += from_sentence(sentence, topic, generator)
    for one in asked:
        question = paraphrase(one.question, passage.language, generator)
        yield Asked(question, one.answer, start + one.start, one.kind)
    for one in blanks(sentence, passage.language, generator):
        yield Asked(one.question, one.answer, start + one.start, one.kind)


def _is_list(passage: Passage) -> bool:
    """Return whether the passage goes through different things: their lines begin alike."""
    beginnings = Counter(line[:2] for line in passage.text.split("\n"))
    return max(beginnings.values()) > 2


def _is_clear(asked: Asked, passage: Passage) -> bool:
    """Return whether the answer is a span that occurs once."""
    text, answer = passage.text, asked.answer
    exact = text[asked.start : asked.start + len(answer)] == answer
    return exact and text.count(answer) == 1 and answer == answer.strip()


def _overlaps(asked: Asked, chosen: list[Asked]) -> bool:
    """Return whether the question repeats another one's answer or wording."""
    end = asked.start + len(asked.answer)
    return any(
        asked.question == other.question
        or (asked.start < other.start + len(other.answer) and other.start < end)
        for other in chosen
    )
