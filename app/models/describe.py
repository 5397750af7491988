"""What is said of a model, in the user's language."""

from PySide6.QtCore import QLocale

from engine.i18n import tr
from engine.models.describe import InstalledModel


def summary(model: InstalledModel, default: str) -> str:
    """Return the line of a list."""
    return tr("{name} (default)", name=model.name) if model.name == default else model.name


def facts(model: InstalledModel, tokens_per_second: float | None) -> str:
    """Return everything that is known of a model, a line for each thing."""
    if model.error is not None:
        return str(model.error)
    locale = QLocale()
    lines = [
        tr(
            "{parameters} million parameters, {precision}, {size} MB",
            parameters=locale.toString(model.parameters / 1e6, "f", 1),
            precision=model.precision,
            size=locale.toString(model.size_bytes / 1e6, "f", 1),
        ),
        tr("Context: {count} tokens", count=locale.toString(model.context_length)),
        tr("Licence: {licence}", licence=model.licence or tr("unknown")),
        tr("Speed here: not measured yet; every answer measures it")
        if tokens_per_second is None
        else tr(
            "Speed here: {speed} tokens/s in the latest answers",
            speed=locale.toString(tokens_per_second, "f", 1),
        ),
        tr("Signed: its files have checksums of their maker")
        if model.signed
        else tr("Unsigned: nobody but this computer vouches for its files"),
    ]
    return "\n".join(lines)
