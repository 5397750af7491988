"""A stage's log.jsonl: one JSON object a line, read as curves and events."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from training.reporting.numbers import figures
from training.reporting.series import Series

_LARGEST, _SMALLEST = 1e30, 1e-30
_LONGEST_DETAILS = 300
BITS = "bits_per_byte_"
"""What the names of held-out scores begin with; the language follows."""
_BOOKKEEPING = ("step", "tokens", "seconds")


@dataclass(frozen=True)
class Event:
    """Something that the trainer did besides a step: "spike", "skip" …"""

    step: float
    kind: str
    details: str


@dataclass
class Log:
    """What a log says; where a run was resumed, the steps after the checkpoint count once.

    `curves` holds one series per plain number ("loss"), `groups` one per name of a nested
    object ("shares", "loss_by_source").
    """

    curves: dict[str, Series] = field(default_factory=dict)
    groups: dict[str, dict[str, Series]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    steps: int = 0
    tokens: float = 0.0
    """Of all steps that count."""
    seconds: float = 0.0
    """Of training, evaluation included where the log tells."""
    resumes: int = 0
    damaged: int = 0
    """Lines that are no log entries."""

    def curve(self, *names: str) -> Series | None:
        """Return the first of these curves that there is."""
        return next((self.curves[name] for name in names if name in self.curves), None)

    def add_last(self, scores: dict[str, Any]) -> None:
        """Add held-out scores of the last step to the curves that end before it."""
        for name, value in scores.items():
            curve, score = self.curves.get(name), number(value)
            if curve is None or score is None or curve.steps[-1] >= self.steps:
                continue
            if name.startswith(BITS):
                self.curves[name] = Series(
                    np.append(curve.steps, self.steps), np.append(curve.values, score)
                )


def read_log(path: Path) -> Log:
    """Read a log. What is no entry is counted, not refused: a kill cuts the last line."""
    reader = _Reader()
    for entry in read_objects(path):
        if entry is None or not reader.add(entry):
            reader.log.damaged += 1
    return reader.finish()


def read_objects(path: Path) -> Iterator[dict[str, Any] | None]:
    """Yield the JSON objects of a file's lines, None for a line that is none."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                value = None
            yield value if isinstance(value, dict) else None


def number(value: Any) -> float | None:
    """Return a JSON number as a float, None for anything else.

    What no quantity of ours reaches is infinite or 0, so that nothing computed of it overflows.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if abs(value) > _LARGEST:
        return math.inf if value > 0 else -math.inf
    return float(value) if abs(value) > _SMALLEST or value != value else 0.0


class _Column:
    def __init__(self) -> None:
        self.steps: list[float] = []
        self.values: list[float] = []

    def add(self, step: float, value: float) -> None:
        """Append, in place of what an interrupted run had for this step and later ones."""
        while self.steps and self.steps[-1] >= step:
            self.steps.pop()
            self.values.pop()
        self.steps.append(step)
        self.values.append(value)

    def series(self) -> Series:
        return Series(np.array(self.steps), np.array(self.values))


class _Reader:
    def __init__(self) -> None:
        self.log = Log()
        self._curves: dict[str, _Column] = {}
        self._groups: dict[str, dict[str, _Column]] = {}
        self._events: dict[tuple[float, str, str], Event] = {}
        self._last_step = -math.inf
        self._last_tokens = 0.0
        self._summed_seconds = 0.0

    def add(self, entry: dict[str, Any]) -> bool:
        """Take in one line; return whether it is a log entry."""
        step = number(entry.get("step"))
        if step is None or not math.isfinite(step):
            return False
        if "event" in entry:
            self._add_event(step, entry)
        if "event" in entry and "tokens_per_second" not in entry:
            return True  # of a step that was left out, or of none: no point of a curve
        self._add_times(step, entry)
        for name, value in entry.items():
            if name in _BOOKKEEPING or ("event" in entry and not self._is_known(name)):
                continue
            if isinstance(value, dict):
                group = self._groups.setdefault(name, {})
                for member, inner in value.items():
                    _add(group, member, step, inner)
            else:
                _add(self._curves, name, step, value)
        return True

    def _is_known(self, name: str) -> bool:
        """Return whether earlier lines had it; other fields of an event are its details."""
        return name in self._curves or name in self._groups

    def finish(self) -> Log:
        log = self.log
        log.curves = {name: column.series() for name, column in self._curves.items()}
        log.groups = {
            name: {member: column.series() for member, column in group.items()}
            for name, group in self._groups.items()
            if group
        }
        log.events = sorted(self._events.values(), key=lambda event: event.step)
        log.steps = int(max(self._last_step, 0))
        log.tokens = self._last_tokens
        log.seconds = log.seconds or self._summed_seconds
        return log

    def _add_event(self, step: float, entry: dict[str, Any]) -> None:
        kind = str(entry["event"])
        is_step = "tokens_per_second" in entry
        details = ", ".join(
            f"{name} {_short(value)}"
            for name, value in entry.items()
            if name not in (*_BOOKKEEPING, "event") and not (is_step and self._is_known(name))
        )
        self._events[step, kind, details] = Event(step, kind, details[:_LONGEST_DETAILS])

    def _add_times(self, step: float, entry: dict[str, Any]) -> None:
        tokens, speed = amount(entry, "tokens"), amount(entry, "tokens_per_second")
        if step < self._last_step:
            self.log.resumes += 1
        elif speed > 0:
            self._summed_seconds += max(0.0, tokens - self._last_tokens) / speed
        self.log.seconds = max(self.log.seconds, amount(entry, "seconds"))
        self._last_step, self._last_tokens = step, tokens


def _add(columns: dict[str, _Column], name: str, step: float, value: Any) -> None:
    found = number(value)
    if found is not None:
        columns.setdefault(name, _Column()).add(step, found)


def _short(value: Any) -> str:
    return figures(value, 4) if isinstance(value, float) else str(value)


def amount(entry: dict[str, Any], name: str) -> float:
    """Return a quantity of a JSON object, 0 where it is missing or none."""
    value = number(entry.get(name))
    return value if value is not None and 0 < value < math.inf else 0.0
