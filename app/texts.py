"""Texts of widgets that follow the language: shown at once, and again when it changes."""

from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary

import shiboken6
from PySide6.QtCore import QObject

from app.follow import Followers
from engine.i18n import tr

_followers: Final = Followers()
_Texts = dict[str, tuple[str, dict[str, object]]]
_shown: Final[WeakKeyDictionary[QObject, _Texts]] = WeakKeyDictionary()


def show_text(setter: Callable[[str], object], message: str, /, **values: object) -> None:
    """Call `setter`, a method of a QObject such as `label.setText`, with the translated text.

    It is called again by `show_all_again`; a later call for the same setter replaces this one.
    """
    owner: QObject = getattr(setter, "__self__")  # noqa: B009 (not every callable has it)
    _shown.setdefault(owner, {})[setter.__name__] = (message, values)
    setter(tr(message, **values))


def follow_language(method: Callable[[], object]) -> None:
    """Call `method`, of a QObject, now and whenever the language changes."""
    _followers.add(method)


def show_all_again() -> None:
    """Show every text in the language that is in use now."""
    for owner, texts in list(_shown.items()):
        if shiboken6.isValid(owner):
            for name, (message, values) in texts.items():
                getattr(owner, name)(tr(message, **values))
    _followers.call()
