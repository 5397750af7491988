"""What every page of the dialog of settings can do."""

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QWidget


class SettingsPage(QWidget):
    """A page without settings of the table; one that has them overrides the methods."""

    failed = Signal(object)
    """An error that the person should read."""

    def flush(self) -> None:
        """Keep what was typed a moment ago."""

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def search(self, words: str) -> int:
        """Show what matches, all for no words; return how many."""
        return int(not words.strip())
