"""What became of the raw text: every step of its cleaning, before and after."""

from typing import Any

from engine.i18n import tr
from training.reporting.elements import Child, Element, missing, table
from training.reporting.log import amount
from training.reporting.numbers import compact, figures, percent
from training.reporting.run import Run


def section(run: Run) -> Element:
    """Return the table of the steps, over all sources."""
    steps = run.data.get("steps")
    rows = [_row(name, step) for name, step in steps.items()] if isinstance(steps, dict) else []
    if not rows:
        return missing(tr("data/sources.json tells no steps of cleaning."))
    header: list[Child] = [tr("cleaning step"), tr("records before"), tr("after"), tr("left out")]
    header += [tr("text before"), tr("after"), tr("left out"), "MB/s"]
    return table(header, rows)


def _row(name: str, step: Any) -> list[Child]:
    counts: dict[str, Any] = step if isinstance(step, dict) else {}
    before, after = amount(counts, "records_before"), amount(counts, "records_after")
    bytes_before, bytes_after = amount(counts, "bytes_before"), amount(counts, "bytes_after")
    seconds = amount(counts, "seconds")
    return [
        name,
        f"{before:,.0f}",
        f"{after:,.0f}",
        percent(1 - after / before) if before else "",
        compact(bytes_before, "B"),
        compact(bytes_after, "B"),
        percent(1 - bytes_after / bytes_before) if bytes_before else "",
        figures(bytes_before / 1e6 / seconds) if seconds else "",
    ]
