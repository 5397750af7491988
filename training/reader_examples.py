"""What the reader's network learns from: the spans of each question's passages, and their words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from engine.documents.answering.encoder import WordRow, question_row, text_row
from engine.documents.answering.extraction import MOST_SENTENCES, best_sentences
from engine.documents.answering.features import NAMES, Scene, Spans, read_scene, spans_of
from engine.documents.answering.question import read_question
from engine.documents.answering.reader import Reader
from engine.documents.answering.spans import read_sentences
from training.evaluation.language import Language
from training.evaluation.scoring import exact_match, f1
from training.reader_cases import Case

ROWS = 128
"""Spans of a question that a step sees."""
_MOST_RIGHT = 16
_HARDEST = 96
"""So many of the wrong ones are those that look best, the rest is chosen by chance."""
_ABSENT = 0.33
"""So many of the questions are also asked where their passage is not."""
_NEAR = 60.0
"""F1 from which a span is partly right."""
_NEAR_WEIGHT = 0.3


@dataclass(frozen=True)
class ReadCase:
    """A case with the spans of what was found."""

    case: Case
    scene: Scene
    spans: Spans
    texts: list[str]
    worth: NDArray[np.float32]
    """How right each span is, 0 to 1."""


@dataclass(frozen=True)
class Examples:
    """Questions with ROWS of their spans each."""

    questions: list[WordRow]
    texts: list[WordRow]
    """The words of the sentences that the spans are in."""
    ends: NDArray[np.int16]
    """The first and the last word of each span, [questions, ROWS, 2]."""
    values: NDArray[np.float16]
    """[questions, ROWS, NAMES]."""
    worth: NDArray[np.float32]
    """How right each span is, 0 to 1, and last whether there is no answer; -1 where there is no
    span, and at least one 1; [questions, ROWS + 1]."""


def read_case(case: Case, passages: Sequence[str], language: Language) -> ReadCase:
    """Return the spans that the engine would find in `passages` for a case's question."""
    question = read_question(case.question)
    sentences = read_sentences(passages)
    scene = read_scene(question, sentences)
    spans = spans_of(scene, best_sentences(scene)[:MOST_SENTENCES])
    texts = []
    for number, first, end in zip(spans.sentence, spans.first, spans.end, strict=True):
        sentence = sentences[number]
        text = passages[sentence.passage]
        texts.append(text[sentence.words[first].start : sentence.words[end - 1].end])
    worth = np.array([_worth(text, case.answer, language) for text in texts], np.float32)
    return ReadCase(case, scene, spans, texts, worth)


def examples(some: Sequence[Case], language: Language, judge: Reader | None = None) -> Examples:
    """Return the cases whose answer is among the spans, and some without their passage.

    Some see all passages that a search finds, some fewer: a note may be all that there is.
    `judge` tells which of the wrong spans look best.
    """
    generator = np.random.default_rng(0)
    wanted = []
    for case in some:
        count = int(generator.integers(1, len(case.passages) + 1))
        wanted.append((case, _fewer(case, count)))
        answered = any(case.answer in passage for passage in case.without)
        if generator.random() < _ABSENT and not answered:
            wanted.append((case, case.without[:count]))
    questions: list[WordRow] = []
    texts: list[WordRow] = []
    ends = np.zeros((len(wanted), ROWS, 2), np.int16)
    values = np.zeros((len(wanted), ROWS, len(NAMES)), np.float16)
    worth = np.full((len(wanted), ROWS + 1), -1, np.float32)
    for case, passages in tqdm(wanted, desc=f"{language} features"):
        one = read_case(case, passages, language)
        present = case.home in passages
        if present != one.worth.any():
            continue
        chosen = _choose(one, judge, generator)
        text, places = text_row(one.scene, one.spans)
        place, count = len(questions), len(chosen)
        ends[place, :count] = places[chosen]
        values[place, :count] = one.spans.values[chosen]
        worth[place, :count] = one.worth[chosen] / max(one.worth.max(), 1e-6)
        worth[place, -1] = not present
        questions.append(question_row(one.scene))
        texts.append(text)
    count = len(questions)
    return Examples(questions, texts, ends[:count], values[:count], worth[:count])


def _fewer(case: Case, count: int) -> tuple[str, ...]:
    """Return the first `count` of a case's passages, with the one that it is about."""
    first = case.passages[:count]
    return first if case.home in first else (*first[:-1], case.home)


def _choose(
    one: ReadCase, judge: Reader | None, generator: np.random.Generator
) -> NDArray[np.intp]:
    """Return ROWS of the spans at most: the right ones first."""
    right = np.argsort(-one.worth)[: min(_MOST_RIGHT, int((one.worth > 0).sum()))]
    wrong = np.flatnonzero(one.worth == 0)
    generator.shuffle(wrong)
    if judge is not None:
        scores = judge.score(one.scene, one.spans).spans[wrong]
        hardest = np.argsort(-scores)[:_HARDEST]
        wrong = np.concatenate([wrong[hardest], np.delete(wrong, hardest)])
    return np.concatenate([right, wrong])[:ROWS]


def _worth(text: str, answer: str, language: Language) -> float:
    if text not in answer and answer not in text:
        return 0.0
    if exact_match(text, [answer], language):
        return 1.0
    near = f1(text, [answer], language)
    return _NEAR_WEIGHT * (near / 100) ** 4 if near >= _NEAR else 0.0
