"""The scores of every suite: checkpoints and bundle side by side."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from engine.i18n import tr
from training.reporting.elements import Child, Element, element, missing, table
from training.reporting.log import number
from training.reporting.numbers import figures, signed_percent
from training.reporting.run import Run

Results = dict[str, dict[str, float]]
"""What each model scored in one suite, by the model's name."""

_NOT_SCORES = ("suite", "model", "data", "limit", "answers")
_PARTS = ("domains.", "subjects.", "languages.")
"""Scores of parts of a suite, which are shown folded."""
_DEEPEST = 3
"""Objects within objects, as no suite has more."""
_LOWER_IS_BETTER = (
    "greedy_loop_rate",
    "answerable_refused",
    "over_refusal_rate",
)
_COUNTS = (
    "n",
    "n_unanswerable",
    "n_harmless",
    "n_pairs",
    "passages_cut",
    "prompts_cut",
    "unanswered",
    "examples",
)
_NO_SCORES = (*_COUNTS, "standard_error")
"""What says how a score was measured."""


def section(run: Run) -> Element:
    """Return one table of all suites, and another, folded, of their parts."""
    if not run.evaluations:
        return missing(tr("There is no evaluation/*.json; training.evaluate writes it."))
    suites: defaultdict[str, Results] = defaultdict(dict)
    for result in run.evaluations:
        suites[_title(result)][str(result.get("model", ""))] = dict(_flatten(result))
    parts = sum(_is_part(name) for results in suites.values() for name in _names(results))
    return element(
        "div",
        _table(run, suites, parts=False),
        element(
            "details",
            element("summary", tr("{count} more figures", count=parts)),
            _table(run, suites, parts=True),
        )
        if parts
        else None,
    )


def headlines(run: Run) -> list[tuple[str, str]]:
    """Return the main scores of the bundle, or of the checkpoint where no bundle was scored."""
    best: dict[str, dict[str, Any]] = {}
    for result in run.evaluations:
        title = _title(result)
        if title not in best or _is_bundle(run, str(result.get("model", ""))):
            best[title] = result
    return [
        (_label(name) if _is_bits(name) else f"{title}: {_label(name)}", _value(name, value))
        for title, result in sorted(best.items())
        for name, value in _flatten(result)
        if not _is_part(name) and name.rpartition(".")[2] not in _NO_SCORES
    ]


def _title(result: dict[str, Any]) -> str:
    title = str(result.get("suite", ""))
    if data := result.get("data"):
        title = tr("{suite} on {data}", suite=title, data=data)
    if limit := result.get("limit"):
        title += " " + tr("(limit {limit})", limit=limit)
    return title


def _table(run: Run, suites: Mapping[str, Results], *, parts: bool) -> Element:
    models = sorted(
        {model for results in suites.values() for model in results},
        key=lambda model: (_is_bundle(run, model), model),
    )
    bundles = [model for model in models if _is_bundle(run, model)]
    checkpoints = [model for model in models if model not in bundles]
    compared = (checkpoints[-1], bundles[0]) if bundles and checkpoints else None
    header: list[Child] = ["", *models, *([tr("cost of quantization")] if compared else [])]
    rows: list[list[Child]] = []
    for title, results in sorted(suites.items()):
        names = [name for name in _names(results) if _is_part(name) == parts]
        if names:
            rows.append([title])
        for name in names:
            scores = {model: results.get(model, {}).get(name) for model in models}
            row: list[Child] = [_label(name), *(_value(name, scores[model]) for model in models)]
            if compared:
                row.append(_change(name, scores[compared[0]], scores[compared[1]]))
            rows.append(row)
    return table(header, rows)


def _names(results: Results) -> list[str]:
    return list(dict.fromkeys(name for scores in results.values() for name in scores))


def _is_part(name: str) -> bool:
    return name.startswith(_PARTS)


def _change(name: str, before: float | None, after: float | None) -> Child:
    """Return the difference, marked as better or worse where the score has a direction."""
    last = name.rpartition(".")[2]
    if before is None or after is None or last in _NO_SCORES:
        return ""
    is_ratio = _is_bits(name) and before > 0
    text = signed_percent(after / before - 1) if is_ratio else f"{after - before:+.1f}"
    if not float(text.removesuffix("%")):
        return text.lstrip("+-")
    lower = is_ratio or last in _LOWER_IS_BETTER
    better = (after < before) == lower
    return element("span", text, class_="better" if better else "worse")


def _flatten(
    scores: Mapping[str, Any], prefix: str = "", depth: int = 0
) -> Iterator[tuple[str, float]]:
    for name, value in scores.items():
        if not prefix and name in _NOT_SCORES:
            continue
        if isinstance(value, dict):
            if depth < _DEEPEST:
                yield from _flatten(value, f"{prefix}{name}.", depth + 1)
        elif (amount := number(value)) is not None:
            yield f"{prefix}{name}", amount


def _is_bundle(run: Run, model: str) -> bool:
    return run.bundle is not None and model == run.bundle.name


def _value(name: str, value: float | None) -> str:
    if value is None:
        return ""
    if name.rpartition(".")[2] in _COUNTS:
        return f"{value:,.0f}"
    return figures(value, 4) if _is_bits(name) else f"{value:.1f}"


def _is_bits(name: str) -> bool:
    return name.startswith(("bits_per_byte", "domains."))


def _label(name: str) -> str:
    first, _, rest = name.partition(".")
    labels = {
        "n": tr("questions or texts"),
        "bits_per_byte": tr("bits per byte"),
        "em": tr("exact match, %"),
        "f1": tr("F1, %"),
        "answerable_refused": tr("answerable, but refused, %"),
        "unanswerable_recognised": tr("unanswerable, and recognised, %"),
        "accuracy": tr("accuracy, %"),
        "standard_error": tr("standard error, %"),
        "unanswered": tr("without an answer"),
        "examples": tr("worked examples before a question"),
        "prompts_cut": tr("prompts cut short"),
        "passages_cut": tr("passages cut short"),
        "n_unanswerable": tr("unanswerable questions"),
        "n_harmless": tr("harmless prompts"),
        "n_pairs": tr("pairs of answers"),
        "refusal_rate": tr("harmful prompts declined, %"),
        "over_refusal_rate": tr("harmless prompts declined, %"),
        "preference_accuracy": tr("better answer likelier, %"),
        "preference_accuracy_per_token": tr("better answer likelier per token, %"),
        "greedy_loop_rate": tr("answers in loops, %"),
        "answer_language_accuracy": tr("answers in the question's language, %"),
    }
    label = labels.get(first, first)
    return f"{label} · {rest.replace('.', ' · ')}" if rest else label
