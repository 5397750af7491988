"""The application's place on the desktop: input method, Qt's own texts, icon, quitting politely."""

import os
import signal
import socket
import sys
from collections.abc import Callable

from PySide6.QtCore import (
    QLibraryInfo,
    QLocale,
    QLoggingCategory,
    QObject,
    QSocketNotifier,
    QTranslator,
)
from PySide6.QtWidgets import QApplication

from app import theme
from app.composition import CompositionGuard
from app.fonts import bring_fonts
from app.icons import icon
from engine.i18n import language


def choose_input_method() -> None:
    """Reach fcitx through its ibus interface; call this before the QApplication is made.

    Qt's Python packages bring a plugin for ibus, but none for fcitx. On Wayland Qt talks to
    the compositor instead, and a choice of the user's own is respected.
    """
    fcitx = "fcitx" in os.environ.get("XMODIFIERS", "")
    wayland = os.environ.get("WAYLAND_DISPLAY") and not os.environ.get("QT_QPA_PLATFORM")
    chosen = os.environ.get("QT_IM_MODULE", "fcitx")
    if sys.platform == "linux" and fcitx and not wayland and chosen.startswith("fcitx"):
        os.environ["QT_IM_MODULE"] = "ibus"


def make_application() -> QApplication:
    """Return the application object, named, styled and in the user's language."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    choose_input_method()
    # Text in a script that no font covers shows boxes; 200 lines on stderr help nobody.
    QLoggingCategory.setFilterRules("qt.text.font.db=false")
    app = QApplication(sys.argv[:1])
    app.setApplicationName("geb-chat")
    app.setApplicationDisplayName("GEB Chat")
    app.setDesktopFileName("geb-chat")
    app.setWindowIcon(icon("geb-chat", size=128))
    bring_fonts()
    CompositionGuard(app)
    translate_qt(app)
    theme.install(app)
    return app


def translate_qt(app: QApplication) -> None:
    """Let Qt's own texts (menus of text boxes, dialogs) and numbers follow our language."""
    QLocale.setDefault(QLocale(language()))
    for former in app.findChildren(QTranslator):
        app.removeTranslator(former)
        former.deleteLater()
    translator = QTranslator(app)
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    if translator.load(f"qtbase_{language()}", folder):
        app.installTranslator(translator)


class QuitSignals(QObject):
    """Calls `quit_politely` on the GUI thread for SIGINT (Ctrl+C) and SIGTERM (log-out)."""

    def __init__(self, quit_politely: Callable[[], object], parent: QObject) -> None:
        super().__init__(parent)
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        signal.set_wakeup_fd(self._writer.fileno())
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)  # Qt's loop never returns to Python by itself
        notifier = QSocketNotifier(self._reader.fileno(), QSocketNotifier.Type.Read, self)
        notifier.activated.connect(lambda: (self._reader.recv(1), quit_politely()))
