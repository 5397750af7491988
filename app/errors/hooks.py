"""Unexpected errors of every thread, of Qt and of Python itself, brought to the GUI thread."""

import logging
import sys
import threading
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import (
    QMessageLogContext,
    QObject,
    Qt,
    QtMsgType,
    Signal,
    qInstallMessageHandler,
)

_logger: Final = logging.getLogger(__name__)
_LEVELS: Final = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


class ErrorHooks(QObject):
    """Logs every unexpected error and passes it to `show`, on the GUI thread.

    Ctrl+C is no error: it calls `quit_politely`. Installed until `remove`.
    """

    _happened = Signal(object)

    def __init__(
        self,
        show: Callable[[BaseException], object],
        quit_politely: Callable[[], object],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._quit = quit_politely
        self._happened.connect(show, Qt.ConnectionType.QueuedConnection)
        self._before = (sys.excepthook, threading.excepthook, sys.unraisablehook)
        sys.excepthook = lambda _kind, error, _trace: self._take(error)
        threading.excepthook = lambda told: self._take(told.exc_value)
        sys.unraisablehook = lambda told: self._log(told.exc_value)
        qInstallMessageHandler(_log_qt)

    def remove(self) -> None:
        """Give the errors back to whoever had them before."""
        sys.excepthook, threading.excepthook, sys.unraisablehook = self._before
        qInstallMessageHandler(None)

    def _take(self, error: BaseException | None) -> None:
        if isinstance(error, KeyboardInterrupt):
            self._quit()
        elif error is not None and not isinstance(error, SystemExit):
            self._log(error)
            self._happened.emit(error)

    def _log(self, error: BaseException | None) -> None:
        """An error while an object is destroyed is logged only: nothing that a person did."""
        _logger.error("unexpected error", exc_info=error)


def _log_qt(kind: QtMsgType, _context: QMessageLogContext, message: str | None) -> None:
    logging.getLogger("qt").log(_LEVELS[kind], "%s", message)
