"""How far a collection has come, in a sentence."""

from PySide6.QtCore import QLocale

from engine.documents.library.types import Progress
from engine.i18n import tr


def progress_text(progress: Progress) -> str:
    """Say how many files are done, and how long the others will take."""
    if not progress.total:
        return tr("No documents yet.")
    parts = []
    if progress.passages is None:
        done = progress.indexed + progress.failed
        parts.append(
            tr("{done} of {total} files", done=_number(done), total=_number(progress.total))
        )
        if progress.paused:
            parts.append(tr("paused"))
        elif progress.seconds_left is not None:
            parts.append(time_left(progress.seconds_left))
    else:
        parts.append(
            tr(
                "{files} files, {passages} passages",
                files=_number(progress.indexed),
                passages=_number(progress.passages),
            )
        )
    return " · ".join(parts)


def failed_text(progress: Progress) -> str:
    """Say how many files could not be read, "" where all could."""
    if not progress.failed:
        return ""
    return tr("{count} could not be read", count=_number(progress.failed))


def time_left(seconds: float) -> str:
    """Say roughly how long something will take."""
    if seconds < 60:
        return tr("less than a minute left")
    minutes = round(seconds / 60)
    if minutes < 90:
        return tr("about {count} min left", count=_number(minutes))
    return tr("about {count} h left", count=_number(round(seconds / 3600)))


def _number(value: int) -> str:
    return QLocale().toString(value)
