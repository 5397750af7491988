"""Lets the whole application look and speak as the settings say, now and when they change."""

from pathlib import Path
from typing import Final

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer
from PySide6.QtWidgets import QApplication

from app import theme
from app.desktop import translate_qt
from app.texts import show_all_again
from engine.i18n import language, set_language
from engine.settings import table
from engine.settings.file import Settings, chosen_language

_SETTLED_MS: Final = 100
"""A change often comes as several events."""


def follow_settings(app: QApplication, settings: Settings) -> None:
    """Follow scheme, size of text and language from now on."""

    def apply(names: frozenset[str]) -> None:
        if names & {table.SCHEME.name, table.FONT_SCALE.name}:
            theme.choose(settings.get(table.SCHEME), settings.get(table.FONT_SCALE))
        if table.LANGUAGE.name in names:
            speak(app, chosen_language(settings))

    theme.choose(settings.get(table.SCHEME), settings.get(table.FONT_SCALE))
    settings.watch(apply)
    if settings.path is not None:
        _FollowedFile(settings, settings.path, app)


class _FollowedFile(QObject):
    """Reads the settings anew when another program has changed their file."""

    def __init__(self, settings: Settings, path: Path, parent: QObject) -> None:
        super().__init__(parent)
        self._settings, self._path = settings, path
        self._watcher = QFileSystemWatcher([str(path.parent)], self)
        self._timer = QTimer(self, singleShot=True, interval=_SETTLED_MS)
        self._timer.timeout.connect(self._reload)
        self._watcher.directoryChanged.connect(self._wait)
        self._watcher.fileChanged.connect(self._wait)
        self._watch_file()

    def _wait(self) -> None:
        self._timer.start()

    def _reload(self) -> None:
        self._watch_file()
        self._settings.reload()

    def _watch_file(self) -> None:
        """The folder tells of a file that was replaced, only the file of one written in place."""
        if str(self._path) not in self._watcher.files() and self._path.exists():
            self._watcher.addPath(str(self._path))


def speak(app: QApplication, new_language: str) -> None:
    """Show every text of the application in another language ("en" or "zh_CN")."""
    if new_language != language():
        set_language(new_language)
        translate_qt(app)
        show_all_again()
