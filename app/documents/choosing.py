"""Lets a person choose files and folders, from where the last ones were."""

from pathlib import Path

from PySide6.QtCore import QStandardPaths
from PySide6.QtWidgets import QFileDialog, QWidget


class Chooser:
    """Opens the system's dialogs over a window; an empty answer means that nothing was chosen."""

    def __init__(self, owner: QWidget) -> None:
        self._owner = owner
        self._folder = ""

    def folder(self, title: str) -> list[Path]:
        """Return one folder."""
        chosen = QFileDialog.getExistingDirectory(self._owner, title, self._start())
        if not chosen:
            return []
        # The next one is likely to stand beside it.
        self._folder = str(Path(chosen).parent)
        return [Path(chosen)]

    def files(self, title: str) -> list[Path]:
        """Return files of one folder."""
        chosen, _kind = QFileDialog.getOpenFileNames(self._owner, title, self._start())
        if chosen:
            self._folder = str(Path(chosen[0]).parent)
        return [Path(file) for file in chosen]

    def _start(self) -> str:
        documents = QStandardPaths.StandardLocation.DocumentsLocation
        wished = (self._folder, QStandardPaths.writableLocation(documents))
        return next((path for path in wished if path and Path(path).is_dir()), str(Path.home()))
