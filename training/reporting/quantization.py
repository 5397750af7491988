"""The bundle: its size, and what its own card measured against the checkpoint."""

from engine.i18n import tr
from training.reporting.elements import Child, Element, element, missing, table
from training.reporting.numbers import compact, figures
from training.reporting.run import Bundle, Run

_HEADING = "## Measured against the checkpoint"


def section(run: Run) -> Element:
    """Return size and fidelity of the bundle."""
    if run.bundle is None:
        return missing(tr("There is no bundle/; python -m export writes it."))
    rows = _card_table(run.bundle.card)
    comparison = missing(tr("The bundle's card holds no comparison with the checkpoint."))
    if len(rows) > 1:
        header: list[Child] = [_in_language(cell) for cell in rows[0]]
        comparison = table(header, [[*row] for row in rows[1:]])
    return element("div", element("p", _size(run, run.bundle)), comparison)


def _size(run: Run, bundle: Bundle) -> str:
    size = compact(bundle.size_bytes, "B")
    if run.model is None:
        return tr("{size} on the disk.", size=size)
    bits = figures(8 * bundle.size_bytes / run.model.num_parameters)
    return tr("{size} on the disk, {bits} bits per parameter.", size=size, bits=bits)


def _in_language(heading: str) -> str:
    """Return a heading of the card, which is in English, in the page's language."""
    headings = {
        "language": tr("language"),
        "tokens": tr("tokens"),
        "checkpoint, bits per byte": tr("checkpoint, bits per byte"),
        "this bundle": tr("this bundle"),
        "change": tr("change"),
        "same top token": tr("same top token"),
    }
    return headings.get(heading, heading)


def _card_table(card: str) -> list[list[str]]:
    """Return the cells of the Markdown table below the heading, its ruler left out."""
    lines = card.partition(_HEADING)[2].partition("\n## ")[0].splitlines()
    rows = [line.strip("| ").split("|") for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows if set("".join(row)) - set("-: ")]
