"""The icon in the system's tray: the window, a quick question, the end."""

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QMenu, QSystemTrayIcon, QWidget

from app.icons import icon
from app.texts import show_text
from engine.settings.file import Settings
from engine.settings.table import TRAY


class Tray(QObject):
    """Shown while the settings ask for it and the system has a tray.

    While it is shown, the window may be closed and the application goes on.
    """

    def __init__(
        self,
        settings: Settings,
        window: QWidget,
        show_window: Callable[[], object],
        ask: Callable[[], object],
        end: Callable[[], object],
    ) -> None:
        super().__init__(window)
        self._settings = settings
        self._menu = QMenu(window)
        show = self._menu.addAction("", show_window)
        show_text(show.setText, "Show the window")
        question = self._menu.addAction("", ask)
        show_text(question.setText, "Quick question")
        self._menu.addSeparator()
        quit_ = self._menu.addAction("", end)
        show_text(quit_.setText, "Quit")
        self._show_window = show_window
        self._icon: QSystemTrayIcon | None = None
        settings.watch(self._apply)

    @property
    def shown(self) -> bool:
        """Whether there is an icon to come back by."""
        return self._icon is not None

    @property
    def menu(self) -> QMenu:
        """What a click on the icon offers."""
        return self._menu

    def follow(self) -> None:
        """Show the icon now, if the settings say so."""
        self._apply(frozenset({TRAY.name}))

    def close(self) -> None:
        """Take the icon away."""
        if self._icon is not None:
            self._icon.hide()
            self._icon.deleteLater()
            self._icon = None

    def _apply(self, names: frozenset[str]) -> None:
        if TRAY.name not in names:
            return
        self.close()
        if self._settings.get(TRAY) and QSystemTrayIcon.isSystemTrayAvailable():
            self._icon = QSystemTrayIcon(QIcon(icon("geb-chat", size=64)), self)
            self._icon.setToolTip("GEB Chat")
            self._icon.setContextMenu(self._menu)
            self._icon.activated.connect(self._activated)
            self._icon.show()

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason == QSystemTrayIcon.ActivationReason.Trigger:
            self._show_window()
