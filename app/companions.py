"""What accompanies the window: the server for other programs, the tray, the quick question, the
voice of a screen reader, the check of a large store. Made once the window is painted: none of it
is needed to read or write.
"""

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from app.announcer import Announcer
from app.bridge import EventBridge
from app.quick_ask import QuickAsk
from app.serving.dialog import ApiDialog
from app.serving.switch import ApiSwitch
from app.store_check import StoreCheck
from app.tray import Tray
from engine.chat import ChatService
from engine.errors import GebError


class Companions(QObject):
    """Belongs to `window`, by whose methods it acts; `close` it before the service."""

    def __init__(
        self,
        window: QWidget,
        service: ChatService,
        bridge: EventBridge,
        *,
        ask: Callable[[str], int | None],
        open_id: Callable[[], int | None],
        show_window: Callable[[], object],
        end: Callable[[], object],
        failed: Callable[[GebError], object],
    ) -> None:
        super().__init__(window)
        self._window = window
        self._settings = service.settings
        self._bridge = bridge
        self._ask = ask
        self._show_window = show_window
        self._quick_ask: QuickAsk | None = None
        self.api = ApiSwitch(service.settings, service.worker, self)
        self._check = StoreCheck(service.store.path, failed, self)
        self.tray = Tray(service.settings, window, show_window, self.open_quick_ask, end)
        announcer = Announcer(window, service.store, open_id)
        self._bridge.arrived.connect(announcer.take)
        self._announcer = announcer

    def follow(self) -> None:
        """Start what the settings ask for."""
        self.tray.follow()
        self.api.follow()

    def open_api(self) -> None:
        """Show what a program needs to ask the model."""
        ApiDialog(self._settings, self.api, self._window).open()

    def open_quick_ask(self) -> None:
        """Show the small window for a quick question."""
        if self._quick_ask is None:
            self._quick_ask = QuickAsk(self._ask)
            self._quick_ask.continue_requested.connect(self._show_window)
            self._bridge.arrived.connect(self._quick_ask.take)
        self._quick_ask.show()
        self._quick_ask.raise_()
        self._quick_ask.activateWindow()
        self._quick_ask.edit.setFocus()

    def close(self) -> None:
        """Stop the server, and take the icon and the small window away."""
        self._check.close()
        self.api.close()
        self.tray.close()
        if self._quick_ask is not None:
            self._quick_ask.close()
            self._quick_ask.deleteLater()
            self._quick_ask = None
