"""Runs the server while the settings say so, in the window's own queue."""

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Signal

from engine.api.key import new_key, read_key
from engine.errors import GebError
from engine.settings.file import Settings
from engine.settings.table import API, API_PORT
from engine.worker import EngineWorker

if TYPE_CHECKING:
    from engine.api.server import ApiServer

_NAMES: Final = frozenset({API.name, API_PORT.name})


class ApiSwitch(QObject):
    """Follows the settings from `follow` on; `close` it before the worker.

    A server that cannot start leaves its switch on, so that the reason can be shown beside it;
    it starts with the next change.
    """

    changed = Signal()
    """`address` or `problem` is another one now."""
    failed = Signal(object)

    def __init__(self, settings: Settings, worker: EngineWorker, parent: QObject) -> None:
        super().__init__(parent)
        self._settings = settings
        self._worker = worker
        self._server: ApiServer | None = None
        self._problem: GebError | None = None
        self._closed = False
        settings.watch(self._apply)

    @property
    def address(self) -> str | None:
        """What a program takes as its base URL while the server runs, else None."""
        return None if self._server is None else self._server.address

    @property
    def problem(self) -> GebError | None:
        """Why the server is switched on, but does not run."""
        return self._problem

    def follow(self) -> None:
        """Start the server now, if the settings say so."""
        self._apply(_NAMES)

    def renew_key(self) -> None:
        """Make a new key; the old one is worthless at once. Raises StoreError."""
        new_key()
        self.follow()

    def close(self) -> None:
        """Stop the server for good."""
        self._closed = True
        self._stop()

    def _apply(self, names: frozenset[str]) -> None:
        if self._closed or not names & _NAMES:
            return
        self._stop()
        self._problem = None
        if self._settings.get(API):
            self._start()
        self.changed.emit()

    def _start(self) -> None:
        # Its libraries take a tenth of a second, and most windows never serve.
        from engine.api.server import ApiServer

        try:
            server = ApiServer(self._worker, read_key(), self._settings.get(API_PORT))
            server.start()
        except GebError as error:
            self._problem = error
            self.failed.emit(error)
        else:
            self._server = server

    def _stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None
