"""The dialog that an unexpected error shows."""

import time
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox, QWidget

from app.errors.report import report_of, signature
from engine.i18n import tr

_QUIET_SECONDS: Final = 30
"""The same error, again and again from one place, is said once in this time."""


class ErrorDialogs(QObject):
    """Shows one dialog at a time; what happens meanwhile is only logged."""

    def __init__(self, window: QWidget, show_log: Callable[[], object]) -> None:
        super().__init__(window)
        self._window = window
        self._show_log = show_log
        self._open: QMessageBox | None = None
        self._said: dict[str, float] = {}

    def show(self, error: BaseException) -> None:
        """Say that something went wrong, with details to copy. Call it on the GUI thread."""
        place, now = signature(error), time.monotonic()
        if self._open is not None or now - self._said.get(place, -_QUIET_SECONDS) < _QUIET_SECONDS:
            return
        self._said[place] = now
        self._open = self._make(report_of(error))
        self._open.finished.connect(self._closed)
        self._open.open()

    def _closed(self) -> None:
        self._open = None

    def _make(self, details: str) -> QMessageBox:
        box = QMessageBox(self._window)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setWindowTitle(tr("Unexpected error"))
        box.setText(tr("Something unexpected went wrong, but you can go on."))
        box.setInformativeText(
            tr(
                "Your conversations are stored. If it happens again, the details help to find out "
                "why: they name places in the program and hold nothing that you wrote."
            )
        )
        box.setDetailedText(details)
        close = box.addButton(QMessageBox.StandardButton.Close)
        copy = box.addButton(tr("Copy details"), QMessageBox.ButtonRole.ActionRole)
        log = box.addButton(tr("Show the log"), QMessageBox.ButtonRole.ActionRole)
        copy.clicked.disconnect()  # the box would close
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(details))
        copy.clicked.connect(lambda: copy.setText(tr("Copied")))
        log.clicked.connect(self._show_log)
        box.setDefaultButton(close)
        return box
