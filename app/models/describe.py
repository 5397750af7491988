"""What is said of a model, in the user's language."""

from PySide6.QtCore import QLocale

from engine.i18n import language, tr
from engine.models.describe import InstalledModel
from engine.models.speed import Speed


def summary(model: InstalledModel, default: str) -> str:
    """Return the line of a list."""
    return tr("{name} (default)", name=model.name) if model.name == default else model.name


def facts(model: InstalledModel, measured: Speed | None, in_answers: float | None) -> str:
    """Return everything that is known of a model, a line for each thing.

    `in_answers`: tokens/s of its latest answers.
    """
    if model.error is not None:
        return str(model.error)
    locale = QLocale()
    lines = [
        tr(
            "{parameters} million parameters, {precision}, {size} MB",
            parameters=_millions(model.parameters),
            precision=model.precision,
            size=locale.toString(model.size_bytes / 1e6, "f", 1),
        ),
        tr("Context: {count} tokens", count=locale.toString(model.context_length)),
        tr("Licence: {licence}", licence=model.licence or tr("unknown")),
        _speed_here(measured, in_answers),
        tr("Checksums: came with the model; a damaged file is found")
        if model.signed
        else tr("Checksums: made on this computer when the model was added"),
    ]
    return "\n".join(lines)


def _millions(number: int) -> str:
    """Return a large number in millions; Chinese counts by 万 (10⁴) and 亿 (10⁸)."""
    if language() != "zh_CN":
        return QLocale().toString(number / 1e6, "f", 1)
    return f"{number / 1e8:.3g} 亿" if number >= 10**8 else f"{number / 1e4:.0f} 万"


def _speed_here(measured: Speed | None, in_answers: float | None) -> str:
    locale = QLocale()
    if measured is not None:
        return tr(
            "Speed here: reads {prefill} and writes {decode} tokens/s",
            prefill=locale.toString(measured.prefill, "f", 0),
            decode=locale.toString(measured.decode, "f", 1),
        )
    if in_answers is not None:
        return tr(
            "Speed here: {speed} tokens/s in the latest answers",
            speed=locale.toString(in_answers, "f", 1),
        )
    return tr("Speed here: not measured yet")
