"""Questions about words out of order: what the stage `lookup` teaches, in the frame of text.

A passage is some words of a document, shuffled, so that nothing but looking it up gives an answer;
in half of the passages words come several times. A model that learned this from random tokens
forgets it in its first steps of text unless it is asked on.
"""

import re
from collections.abc import Iterable, Iterator

import numpy as np

from training.evaluation.language import LANGUAGES, Language
from training.gap_questions import gap_questions
from training.made_passages import log_uniform, several_times
from training.making.records import Record, conversation

_WORD = {"zh": re.compile(r"[\u4e00-\u9fff]{2}"), "en": re.compile(r"[A-Za-z]{3,}|\d{2,}")}
_JOINT = {"zh": "", "en": " "}
_MARK = {"zh": "？", "en": "?"}
_FEWEST, _MOST = 8, 160
"""Words of a passage: most have few."""
_GAPS = {
    "zh": ("____", "什么", "谁", "哪里", "……"),
    "en": ("____", "what", "who", "which", "where", "..."),
}
_PASSAGES = 2
"""At most so many for each document."""


def from_shuffled(documents: Iterable[Record], seed: str = "") -> Iterator[Record]:
    """Yield {"messages", "lang"} records made from {"text", "lang"} ones.

    The same for the same `seed`; another seed takes other words.
    """
    generator = np.random.default_rng(list(seed.encode()))
    for document in documents:
        language = document["lang"]
        if language not in LANGUAGES:
            continue
        found = dict.fromkeys(_WORD[language].findall(document["text"]))
        words = [word for word in found if word.lower() not in _GAPS[language]]
        generator.shuffle(words)
        for _ in range(_PASSAGES):
            count = log_uniform(_FEWEST, _MOST, generator)
            passage, words = words[:count], words[count:]
            if len(passage) < _FEWEST:
                continue
            if generator.integers(2):
                passage = several_times(passage, generator)
            if turns := _turns(passage, language, generator):
                yield conversation(turns, language)


def _turns(
    passage: list[str], language: Language, generator: np.random.Generator
) -> list[tuple[str, str]]:
    """Return questions and answers; the passage stands before the first."""
    joint = _JOINT[language]
    turns = [
        (joint.join(question) + _MARK[language] * int(generator.integers(2)), answer)
        for question, answer in gap_questions(passage, _GAPS[language], generator)
    ]
    if turns:
        question, answer = turns[0]
        turns[0] = f"{joint.join(passage)}\n{question}", answer
    return turns
