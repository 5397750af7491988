"""The file of the window's layout: the last conversation and the window's place are private."""

from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import QSettings


def open_layout(path: Path) -> QSettings:
    """Return the settings in `path`; where it cannot be written nothing is kept."""
    with suppress(OSError):  # Qt then reads what there is
        path.touch(0o600)
        path.chmod(0o600)  # one of an earlier version; Qt keeps the mode when it writes
    return QSettings(str(path), QSettings.Format.IniFormat)
