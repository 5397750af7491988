"""Opens the window: what must be there first, then, once it is painted, everything else."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QMessageBox, QWidget

from app.bridge import EventBridge
from app.desktop import QuitSignals, make_application
from app.errors.hooks import ErrorHooks
from app.fonts import advice, can_show_chinese
from app.later_finder import LaterFinder
from app.layout_file import open_layout
from app.session import Session
from app.settings.live import follow_settings
from app.single_instance import Instance, NoAnswerError, Request
from app.window import MainWindow
from engine.chat import ChatService
from engine.erasing import erase_everything
from engine.errors import GebError, StoreError
from engine.i18n import tr
from engine.paths import config_dir, library_path, log_dir, store_path
from engine.settings.file import open_settings
from engine.worker import EngineWorker

_logger: Final = logging.getLogger(__name__)
_PAINTED_AT_LATEST_MS: Final = 1000
"""A window that opens minimised is not painted."""


def run(request: Request, instance: Instance) -> int:
    """Open the window of the first start and return the exit status."""
    app = make_application()
    app.setQuitOnLastWindowClosed(False)  # the window may live on in the tray
    bridge = EventBridge(app)
    try:
        settings = open_layout(config_dir() / "window.ini")
        chosen = open_settings()
        follow_settings(app, chosen)
        finder = LaterFinder(library_path())
        worker = partial(EngineWorker, yields=True)
        service = ChatService(store_path(), bridge.post, worker, settings=chosen, finder=finder)
    except StoreError as error:
        say(error)
        return 1
    session = _begin_session()
    window = MainWindow(service, bridge, settings, 0 if session is None else session.crashes)
    window.ended.connect(app.exit)
    QuitSignals(window.end, app)
    hooks = ErrorHooks(window.show_unexpected, window.end, app)
    _Painted(window, lambda: _when_painted(window, request, instance))
    window.show()
    status = app.exec()
    hooks.remove()
    if session is not None:
        session.end()
    if window.erases_on_exit:
        erase_and_tell(instance)
    return status


def erase_and_tell(instance: Instance) -> None:
    """Delete everything that is kept, and say what that was; another start may begin then."""
    from app.erase_dialog import erased_text

    logging.shutdown()  # its file goes, too
    try:
        text = tr("Deleted:") + "\n" + erased_text(erase_everything())
    except StoreError as error:
        text = str(error)
    instance.release()
    QMessageBox.information(None, "GEB Chat", text)


def say(error: GebError) -> None:
    """Say in a dialog why there is no window."""
    make_application()
    QMessageBox.critical(None, "GEB Chat", str(error))


def ask_to_end(error: NoAnswerError) -> bool:
    """Say that the first window does not answer; return whether to end it, at the user's risk."""
    app = make_application()
    app.setQuitOnLastWindowClosed(False)  # the window is still to come
    box = QMessageBox(QMessageBox.Icon.Warning, "GEB Chat", str(error))
    end = box.addButton(tr("End it and start anew"), QMessageBox.ButtonRole.DestructiveRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.exec()
    return box.clickedButton() is end


def _when_painted(window: MainWindow, request: Request, instance: Instance) -> None:
    window.load_model(request.model)
    window.accompany()
    if request.files:
        window.drop.take(request.files)
    if not can_show_chinese():
        window.chat.notice.tell(advice())
    from app.instance_server import InstanceServer

    server = InstanceServer(instance.socket_path, window)
    server.requested.connect(window.raise_for)
    window.ended.connect(server.close)


def _begin_session() -> Session | None:
    try:
        return Session(log_dir())
    except (StoreError, OSError):
        _logger.exception("a crash could not be told from an orderly end")
        return None


class _Painted(QObject):
    """Calls `act` once, as soon as `window` has been painted."""

    def __init__(self, window: QWidget, act: Callable[[], object]) -> None:
        super().__init__(window)
        self._window = window
        self._timer = QTimer(self, singleShot=True, interval=_PAINTED_AT_LATEST_MS)
        self._timer.timeout.connect(self._done)
        self._timer.timeout.connect(act)
        self._timer.start()
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self._timer.start(0)  # after the paint
        return super().eventFilter(watched, event)

    def _done(self) -> None:
        self._window.removeEventFilter(self)
