"""`python -m export.card --bundle DIR --evaluation DIR`: scores and samples for a model card.

Adds to a bundle's README.md what training.evaluate measured (every JSON file in the evaluation
folder) and twenty sample conversations, unedited; then signs the bundle again. Run again, it
replaces what it wrote. With --ablations, a table of training.ablation comes between them.
"""

import argparse
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.errors import DataError
from engine.i18n import tr
from export.bundle import write_sums
from export.samples import SEED, Sample, converse
from training.ablation import Row, read_rows
from training.command import command, write_atomically

_OURS = re.compile(r"<!-- measured -->.*?<!-- /measured -->\n", re.DOTALL)
_MARKUP = re.compile(r"([\\`*_<>\[\]#|])")
_LIMITS = "## Limits\n"
_ABOUT = ("suite", "model", "data", "limit", "answers")
Results = list[Mapping[str, Any]]


def read_results(folder: Path) -> Results:
    """Return what training.evaluate wrote to a folder. Raises DataError if that is nothing."""
    results: Results = []
    for path in sorted(folder.glob("*.json")):
        try:
            result = json.loads(path.read_text(encoding="utf-8"))
            results.append({"suite": result["suite"], "model": result["model"], **result})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                "{path} holds no evaluation: {detail}.", path=path, detail=error
            ) from error
    if not results:
        raise DataError(
            "There is no evaluation in {folder}; training.evaluate writes it.", folder=folder
        )
    return results


def extend(
    card: str, results: Results, samples: list[Sample], ablations: Sequence[Row] = ()
) -> str:
    """Return a card with these scores and samples before its limits, and no earlier ones."""
    card = _OURS.sub("", card)
    parts = [_scores(results), _ablations(ablations), _conversations(samples)]
    ours = "<!-- measured -->\n" + "\n".join(filter(None, parts)) + "<!-- /measured -->\n"
    before, limits, after = card.partition(_LIMITS)
    return before + ours + limits + after


def _scores(results: Results) -> str:
    models = sorted({str(result["model"]) for result in results})
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for result in results:
        title = " ".join(str(result[key]) for key in ("suite", "data") if result.get(key))
        if result.get("limit"):
            title += f" (limit {result['limit']})"
        for name, value in _numbers(result):
            rows.setdefault((title, name), {})[str(result["model"])] = value
    lines = [
        "## Scores",
        "By `python -m training.evaluate`; shares are in percent, questions drawn with seed 0.\n",
        "| test | measure | " + " | ".join(models) + " |",
        "|---|---|" + "--:|" * len(models),
    ]
    for (title, name), values in rows.items():
        cells = (f"{values[model]:,.4g}" if model in values else "" for model in models)
        lines.append(f"| {title} | {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _numbers(result: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for name, value in result.items():
        if name in _ABOUT and not prefix:
            continue
        label = f"{prefix}{name.replace('_', ' ')}"
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{label}, ")
        elif isinstance(value, int | float):
            yield label, value


def _ablations(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    texts = sorted({language for row in rows for language in row.bits_per_byte})
    answers = sorted({language for row in rows for language in row.answer_bits_per_byte})
    titles = [*(f"text, {one}" for one in texts), *(f"answers, {one}" for one in answers)]
    lines = [
        "## Ablations",
        "Pretraining alone, each variant in one thing other than the first: "
        "`python -m training.ablation`. Bits per byte of held-out text, and of the right answers "
        "to questions about a passage.\n",
        "| variant | parameters | tokens | PFLOP | " + " | ".join(titles) + " |",
        "|---|--:|--:|--:|" + "--:|" * len(titles),
    ]
    for row in rows:
        found = [row.bits_per_byte.get(one, math.nan) for one in texts]
        found += [row.answer_bits_per_byte.get(one, math.nan) for one in answers]
        # Held-out samples of this size tell no finer differences apart.
        scores = (f"{score:.2f}" for score in found)
        cells = (
            _escaped(row.name),
            f"{row.parameters:,}",
            f"{row.tokens:,}",
            f"{row.petaflop:.2g}",
        )
        lines.append("| " + " | ".join((*cells, *scores)) + " |")
    return "\n".join(lines) + "\n"


def _conversations(samples: list[Sample]) -> str:
    lines = [
        "## Sample conversations",
        f"Unedited, with the bundle's own settings and seed {SEED}: `python -m export.card`.\n",
    ]
    for number, sample in enumerate(samples, 1):
        lines.append(f"{number}.")
        for message in sample.messages:
            who = "**User:** " if message["role"] == "user" else "**GEB:** "
            lines.append(f"   - {who}{_escaped(message['content'])}")
    return "\n".join(lines) + "\n\n"


def _escaped(text: str) -> str:
    """Return a text in one line in which nothing is markup: a model may write anything."""
    return _MARKUP.sub(r"\\\1", re.sub(r"\s*\n\s*", " ⏎ ", text))


@command
def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m export.card", description=tr("Add scores and samples to a model card.")
    )
    parser.add_argument("--bundle", type=Path, required=True, help=tr("the model folder"))
    parser.add_argument(
        "--evaluation",
        type=Path,
        required=True,
        help=tr("folder with results of training.evaluate"),
    )
    parser.add_argument("--ablations", type=Path, help=tr("table of training.ablation"))
    arguments = parser.parse_args()
    rows = read_rows(arguments.ablations) if arguments.ablations else []
    results = read_results(arguments.evaluation)
    samples = converse(arguments.bundle)
    path = arguments.bundle / "README.md"
    write_atomically(path, extend(path.read_text(encoding="utf-8"), results, samples, rows))
    write_sums(arguments.bundle)


if __name__ == "__main__":
    main()
