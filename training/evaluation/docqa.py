"""Questions about a passage: is the answer right, and is its absence seen?

Every question is asked twice: over its own passage (exact match, F1, and how often the
answer is wrongly said to be missing), and over the passage of another article that fits
the question best but lacks the answer (how often that is said).
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from tqdm import tqdm

from training.evaluation.bm25 import BM25
from training.evaluation.language import Language
from training.evaluation.passage_prompt import answer_tokens, fit_prompt
from training.evaluation.runner import Runner
from training.evaluation.sampling import sample
from training.evaluation.scoring import exact_match, f1, is_refusal
from training.evaluation.squad import Dataset, Passage, Question, read_squad


@dataclass
class Case:
    """One prompt and what became of it. `answerable` is False over a foreign passage."""

    question: Question
    passage: Passage
    answerable: bool
    answer: str = ""
    refused: bool = False


def evaluate(runner: Runner, data: Path, limit: int | None) -> dict[str, Any]:
    """Return the suite's scores, 0 to 100; `limit` is a number of questions, drawn with seed 0."""
    dataset = read_squad(data)
    cases = cases_of(dataset, limit)
    cut = sum([_ask(runner, case, dataset.language) for case in in_turn(cases, "docqa")])
    return report(cases, dataset.language) | {"passages_cut": cut}


def cases_of(dataset: Dataset, limit: int | None) -> list[Case]:
    """Return every question twice, where there is a foreign passage for it."""
    distractors = Distractors(dataset.passages)
    cases = []
    for question in sample(dataset.questions, limit):
        cases.append(Case(question, question.passage, answerable=True))
        if foreign := distractors.find(question):
            cases.append(Case(question, foreign, answerable=False))
    return cases


def in_turn(cases: list[Case], suite: str) -> Iterable[Case]:
    """Return the cases, those about one passage side by side: the model then reads it once."""
    order = sorted(cases, key=lambda case: case.passage.context)
    return tqdm(order, desc=suite, unit="question")


def _ask(runner: Runner, case: Case, language: Language) -> bool:
    """Let the model answer; return whether the passage was too long for it."""
    prompt = fit_prompt(runner, case.passage.context, case.question.text, language)
    case.answer = runner.complete(prompt.token_ids, answer_tokens(runner)).strip()
    case.refused = is_refusal(case.answer, language)
    return prompt.passage_cut


def report(cases: list[Case], language: Language) -> dict[str, Any]:
    """Return what became of the cases: shares and scores 0 to 100, and every answer."""
    own = [case for case in cases if case.answerable]
    foreign = [case for case in cases if not case.answerable]

    def refused(some: list[Case]) -> float:
        return 100 * fmean(case.refused for case in some) if some else 0.0

    return {
        "language": language,
        "n": len(own),
        "em": fmean(exact_match(c.answer, c.question.answers, language) for c in own),
        "f1": fmean(f1(c.answer, c.question.answers, language) for c in own),
        "answerable_refused": refused(own),
        "n_unanswerable": len(foreign),
        "unanswerable_recognised": refused(foreign),
        "answers": [
            {
                "id": case.question.id,
                "question": case.question.text,
                "references": list(case.question.answers),
                "answerable": case.answerable,
                "answer": case.answer,
            }
            for case in cases
        ],
    }


class Distractors:
    """Finds a passage that looks as if it answered a question, and does not."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = list(passages)
        # Among equally good ones chance decides, the same each time.
        random.Random(0).shuffle(self._passages)  # noqa: S311 - sampling, not secrecy
        self._index = BM25([passage.context for passage in self._passages])
        self._plain = [_letters(passage.context) for passage in self._passages]

    def find(self, question: Question) -> Passage | None:
        """Return the best match of another article without any of the answers, if there is one."""
        answers = [_letters(answer) for answer in question.answers]
        for index in self._index.ranking(question.text):
            passage = self._passages[index]
            if passage.article != question.passage.article and not any(
                answer in self._plain[index] for answer in answers
            ):
                return passage
        return None


def _letters(text: str) -> str:
    """Return letters and digits alone, so that spelling does not hide an answer."""
    return "".join(filter(str.isalnum, text.casefold()))
