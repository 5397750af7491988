"""Exams with four choices (MMLU, C-Eval, CMMLU): posed and marked by lm-eval."""

import os
from math import sqrt
from pathlib import Path
from statistics import fmean
from types import ModuleType
from typing import Any

from tqdm import tqdm

from engine.errors import ConfigError, DataError
from training.evaluation.exam_file import LETTERS, read_exam
from training.evaluation.letters import chosen_letter
from training.evaluation.runner import Runner


def evaluate(exam: str, runner: Runner, data: Path, limit: int | None) -> dict[str, Any]:
    """Return the accuracy, 0 to 100, in all and by subject; by chance it would be 25.

    `limit` is a number of questions, drawn with seed 0. Raises DataError for a bad file,
    ConfigError where lm-eval is not installed.
    """
    harness = _import_harness()
    task = harness.read_task(exam)
    subjects = read_exam(data, task["test_split"], task["num_fewshot"], limit)
    for name in subjects.keys() - task["metadata"]["subjects"].keys():
        raise DataError(
            "{path}: {exam} has no subject {subject}.", path=data, exam=exam, subject=name
        )
    total = sum(len(subject.questions) for subject in subjects.values())
    answers: dict[str, list[dict[str, Any]]] = {}
    with tqdm(total=total, desc=exam, unit="question") as bar:
        model = harness.HarnessModel(runner, bar.update)
        for name in sorted(subjects):
            samples = harness.answer(model, harness.build_task(task, name, subjects[name]))
            answers[name] = [_answer(sample) for sample in samples]
    everything = [one for some in answers.values() for one in some]
    return {
        **_score(everything),
        "standard_error": _standard_error(everything),
        "unanswered": sum(one["answer"] is None for one in everything),
        "examples": task["num_fewshot"],
        "prompts_cut": len(model.truncated_prompts),
        "subjects": {subject: _score(some) for subject, some in answers.items()},
        "answers": [{"subject": s, **one} for s, some in answers.items() for one in some],
    }


def _import_harness() -> ModuleType:
    # Its libraries read these once, when they are imported.
    os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1")
    try:
        from training.evaluation import harness
    except ModuleNotFoundError as error:
        raise ConfigError(
            "Exams need the package {package}: pip install 'geb-chat[evaluate]'.",
            package=error.name,
        ) from error
    return harness


def _answer(sample: dict[str, Any]) -> dict[str, Any]:
    """Return a question's outcome from what lm-eval noted."""
    found = {
        "question": sample["doc"]["question"],
        "reference": sample["doc"]["answer"],
        "correct": bool(sample["acc"]),
    }
    response = sample["filtered_resps"]
    if isinstance(response[0], str):
        return {**found, "answer": chosen_letter(response[0]), "reasoning": response[0]}
    likelihoods = [likelihood for likelihood, _ in response]
    return {**found, "answer": LETTERS[likelihoods.index(max(likelihoods))]}


def _score(answers: list[dict[str, Any]]) -> dict[str, float]:
    return {"n": len(answers), "accuracy": 100 * fmean(one["correct"] for one in answers)}


def _standard_error(answers: list[dict[str, Any]]) -> float:
    """Return by how much the accuracy of as many other questions would differ, typically."""
    share = fmean(one["correct"] for one in answers)
    return 100 * sqrt(share * (1 - share) / len(answers))
