"""What rounding costs in tasks: checkpoint and bundle through the same evaluation suites."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import ConfigError
from training.evaluate import SUITES, evaluate


@dataclass(frozen=True)
class Task:
    """A suite of training.evaluate and the data that it reads."""

    suite: str
    data: Path


@dataclass(frozen=True)
class TaskScore:
    """One measure of one task, before and after."""

    suite: str
    data: str
    measure: str
    checkpoint: float
    bundle: float


Scores = list[dict[str, float]]
"""The measures of each task."""


def parse_task(text: str) -> Task:
    """Read "SUITE=FILE". Raises ConfigError."""
    suite, separator, data = text.partition("=")
    if not separator or suite not in SUITES:
        raise ConfigError(
            "A task is written SUITE=FILE with one of the suites {suites}, not {text}.",
            suites=", ".join(SUITES),
            text=text,
        )
    return Task(suite, Path(data))


def score(model: Path, tasks: Sequence[Task], limit: int | None) -> Scores:
    """Return what a checkpoint or a bundle scores. Raises GebError as training.evaluate does."""
    results = (evaluate(model, task.suite, task.data, limit) for task in tasks)
    return [
        {name: value for name, value in result.items() if isinstance(value, float)}
        for result in results
    ]


def compare(tasks: Sequence[Task], checkpoint: Scores, bundle: Scores) -> list[TaskScore]:
    """Put the two side by side."""
    return [
        TaskScore(task.suite, task.data.name, measure, before[measure], after[measure])
        for task, before, after in zip(tasks, checkpoint, bundle, strict=True)
        for measure in before
        if measure in after
    ]
