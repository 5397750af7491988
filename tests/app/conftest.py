"""A real window, offscreen, on a real store and a real engine; nothing may be left of it."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from window_helpers import OpenWindow

from app.bridge import EventBridge
from app.desktop import make_application
from app.layout_file import open_layout
from app.window import MainWindow
from engine.chat import ChatService
from engine.documents.finder import DocumentFinder
from engine.events import Event
from engine.store import Store
from engine.worker import EngineWorker


@pytest.fixture(scope="session")
def qapp() -> Iterator[QApplication]:
    """The application as `geb` makes it."""
    app = make_application()
    yield app
    # The offscreen clipboard outlives Python, and what Python put there would crash its end.
    app.clipboard().clear()


@pytest.fixture
def store_file(tmp_path: Path) -> Path:
    return tmp_path / "conversations.sqlite3"


@pytest.fixture
def store(store_file: Path) -> Iterator[Store]:
    """A second connection to the window's store, to see what is on the disk."""
    with Store(store_file) as store:
        yield store


@pytest.fixture
def open_window(
    qapp: QApplication, qtbot: QtBot, store_file: Path, tmp_path: Path, tiny_bundle: Path
) -> Iterator[OpenWindow]:
    """Return a function that opens a window; all are closed and checked for leaks at the end."""
    windows: list[MainWindow] = []
    bridges: list[EventBridge] = []

    def open_one(
        *,
        model: Path | None = tiny_bundle,
        worker: Callable[[Callable[[Event], None]], EngineWorker] = EngineWorker,
        size: tuple[int, int] | None = (1000, 700),
        crashes: int = 0,
    ) -> MainWindow:
        bridge = EventBridge()
        settings = open_layout(tmp_path / "window.ini")
        finder = DocumentFinder(store_file.with_name("library.sqlite3"))
        service = ChatService(store_file, bridge.post, worker, finder=finder)
        window = MainWindow(service, bridge, settings, crashes)
        if size is not None:
            window.resize(*size)
        windows.append(window)
        bridges.append(bridge)
        with qtbot.waitActive(window):
            window.show()
            window.activateWindow()
        if model is not None:
            window.load_model(model)
        return window

    yield open_one
    for window in windows:
        window.close()
        window.deleteLater()
    leftovers: list[QObject] = [*windows, *bridges]
    assert not [timer for o in leftovers for timer in o.findChildren(QTimer) if timer.isActive()]
    for bridge in bridges:
        bridge.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    assert not [w for w in qapp.topLevelWidgets() if w.isVisible()]
    left = [t.name for t in threading.enumerate() if t is not threading.main_thread()]
    assert not [name for name in left if name in ("engine", "api")]


@pytest.fixture
def ready(qtbot: QtBot) -> Callable[[MainWindow], MainWindow]:
    """Return a function that waits until the window's model is loaded."""

    def wait(window: MainWindow) -> MainWindow:
        qtbot.waitUntil(lambda: window.chat.status.model.text() == "tiny", timeout=20_000)
        return window

    return wait


@pytest.fixture
def write(qtbot: QtBot) -> Callable[[MainWindow, str], None]:
    """Return a function that types text and presses Enter."""

    def write_text(window: MainWindow, text: str) -> None:
        qtbot.keyClicks(window.chat.composer.edit, text)
        qtbot.keyClick(window.chat.composer.edit, Qt.Key.Key_Return)

    return write_text
