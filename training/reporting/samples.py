"""What the model writes: continuations through training, and answers at the end."""

from itertools import groupby
from typing import Any

from engine.i18n import tr
from training.reporting.elements import Child, Element, element, missing, table
from training.reporting.run import Run, Sample, Stage

_SHOWN_STEPS = 6
_SHOWN_ANSWERS = 12


def through_training(stage: Stage) -> Element | None:
    """Return how each prompt is continued at some steps, spread evenly; None without samples."""
    if not stage.samples:
        return None
    by_prompt = sorted(stage.samples, key=lambda sample: sample.prompt)
    tables = [
        _continuations(prompt, list(samples))
        for prompt, samples in groupby(by_prompt, key=lambda sample: sample.prompt)
    ]
    return element("div", element("h3", tr("Samples through training")), *tables, class_="card")


def _continuations(prompt: str, samples: list[Sample]) -> Element:
    chosen = spread(samples, _SHOWN_STEPS)
    rows = [
        element(
            "tr",
            element("th", f"{sample.step:,}", scope="row", class_="number"),
            element("td", sample.text),
        )
        for sample in chosen
    ]
    caption = element("caption", prompt)
    return element("table", caption, element("tbody", *rows), class_="samples")


def spread(items: list[Sample], count: int) -> list[Sample]:
    """Return the first, the last and evenly between them, at most `count`."""
    if len(items) <= count:
        return items
    return [items[round(i * (len(items) - 1) / (count - 1))] for i in range(count)]


def answers(run: Run) -> Element:
    """Return some answers of the last chat evaluation."""
    found = [result.get("answers") for result in run.evaluations if result.get("suite") == "chat"]
    entries = found[-1] if found else None
    pairs = [_pair(entry) for entry in entries] if isinstance(entries, list) else []
    rows: list[list[Child]] = [
        [question, answer] for question, answer in pairs if question or answer
    ]
    if not rows:
        return missing(tr("There are no answers: no chat evaluation was made."))
    step = max(1, len(rows) // _SHOWN_ANSWERS)
    shown = rows[::step][:_SHOWN_ANSWERS]
    return table([tr("question"), tr("greedy answer")], shown, numeric_from=9, class_="answers")


def _pair(entry: Any) -> tuple[str, str]:
    if not isinstance(entry, dict):
        return "", ""
    messages = entry.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else {}
    question = last.get("content", "") if isinstance(last, dict) else ""
    return str(question), str(entry.get("answer", ""))
