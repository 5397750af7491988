"""The questions of an exam as JSON Lines: {"subject", "split", "question", "A" … "D", "answer"}."""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import DataError
from training.evaluation.files import read_json_lines, unknown_format
from training.evaluation.sampling import sample

LETTERS = ("A", "B", "C", "D")
_FIELDS = ("subject", "split", "question", *LETTERS, "answer")
_EXAMPLES = "dev"

Question = dict[str, str]
"""The fields of a line; `answer` is a letter."""


@dataclass
class Subject:
    """Questions to answer, and solved ones to show before them."""

    examples: list[Question] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)


def read_exam(path: Path, split: str, examples: int, limit: int | None) -> dict[str, Subject]:
    """Return the questions of `split` by subject; with `limit` so many in all, drawn with seed 0.

    Raises DataError for another format, no question, or fewer than `examples` examples.
    """
    questions = [_question(record, path) for record in read_json_lines(path)]
    subjects: defaultdict[str, Subject] = defaultdict(Subject)
    for question in sample([one for one in questions if one["split"] == split], limit):
        if question["answer"] not in LETTERS:
            raise unknown_format(path)
        subjects[question["subject"]].questions.append(question)
    if not subjects:
        raise DataError("{path} holds no questions (split {split}).", path=path, split=split)
    for question in questions:
        if question["split"] == _EXAMPLES and question["subject"] in subjects:
            subjects[question["subject"]].examples.append(question)
    for name, subject in subjects.items():
        if len(subject.examples) < examples:
            raise DataError(
                "{path} holds {found} solved examples (split dev) of {subject}, not {wanted}.",
                path=path,
                found=len(subject.examples),
                subject=name,
                wanted=examples,
            )
    return dict(subjects)


def _question(record: Any, path: Path) -> Question:
    try:
        question = {name: record[name] for name in _FIELDS}
    except (KeyError, TypeError) as error:
        raise unknown_format(path) from error
    if not all(isinstance(value, str) for value in question.values()):
        raise unknown_format(path)
    # Some copies name their files' splits in the subject: "anatomy_test".
    question["subject"] = question["subject"].removesuffix(f"_{question['split']}")
    return question
