"""Opens files outside the application."""

from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices


def open_in_system(file: Path) -> bool:
    """Open a file with the program that the system has for it; return whether there is one."""
    return QDesktopServices.openUrl(QUrl.fromLocalFile(str(file)))
