"""The bundle: its size, and what export measured of it against the checkpoint."""

from typing import Any

from engine.i18n import tr
from training.reporting.elements import Child, Element, element, missing, table
from training.reporting.log import number
from training.reporting.numbers import compact, figures, percent, signed_percent
from training.reporting.run import Bundle, Run


def section(run: Run) -> Element:
    """Return size and fidelity of the bundle."""
    if run.bundle is None:
        return missing(tr("There is no bundle/; python -m export writes it."))
    comparison = missing(tr("The bundle holds no comparison with the checkpoint."))
    if run.bundle.fidelity:
        header: list[Child] = [
            tr("language"),
            tr("tokens"),
            tr("checkpoint, bits per byte"),
            tr("this bundle"),
            tr("change"),
            tr("same top token"),
        ]
        comparison = table(header, [_row(measured) for measured in run.bundle.fidelity])
    return element("div", element("p", _size(run, run.bundle)), comparison)


def _size(run: Run, bundle: Bundle) -> str:
    size = compact(bundle.size_bytes, "B")
    if run.model is None:
        return tr("{size} on the disk.", size=size)
    bits = figures(8 * bundle.size_bytes / run.model.num_parameters)
    return tr("{size} on the disk, {bits} bits per parameter.", size=size, bits=bits)


def _row(measured: dict[str, Any]) -> list[Child]:
    """Return one language's figures; one that is no number stays empty."""
    tokens = number(measured.get("tokens"))
    before = number(measured.get("checkpoint_bits_per_byte"))
    after = number(measured.get("bundle_bits_per_byte"))
    agreement = number(measured.get("agreement"))
    return [
        str(measured.get("language", "")),
        "" if tokens is None else f"{tokens:,.0f}",
        "" if before is None else figures(before, 4),
        "" if after is None else figures(after, 4),
        signed_percent(after / before - 1) if before and after is not None else "",
        "" if agreement is None else percent(agreement),
    ]
