"""Lets the whole application look and speak as the settings say, now and when they change."""

from PySide6.QtWidgets import QApplication

from app import theme
from app.desktop import translate_qt
from app.texts import show_all_again
from engine.i18n import language, set_language
from engine.settings import table
from engine.settings.file import Settings, chosen_language


def follow_settings(app: QApplication, settings: Settings) -> None:
    """Follow scheme, size of text and language from now on."""

    def apply(names: frozenset[str]) -> None:
        if names & {table.SCHEME.name, table.FONT_SCALE.name}:
            theme.choose(settings.get(table.SCHEME), settings.get(table.FONT_SCALE))
        if table.LANGUAGE.name in names:
            speak(app, chosen_language(settings))

    theme.choose(settings.get(table.SCHEME), settings.get(table.FONT_SCALE))
    settings.watch(apply)


def speak(app: QApplication, new_language: str) -> None:
    """Show every text of the application in another language ("en" or "zh_CN")."""
    if new_language != language():
        set_language(new_language)
        translate_qt(app)
        show_all_again()
