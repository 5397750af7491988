"""Methods of widgets that are called again when something about the whole window changes."""

from collections.abc import Callable
from weakref import WeakKeyDictionary

import shiboken6
from PySide6.QtCore import QObject


class Followers:
    """Remembers bound methods of QObjects, and keeps none of them alive."""

    def __init__(self) -> None:
        self._methods: WeakKeyDictionary[QObject, dict[str, None]] = WeakKeyDictionary()

    def add(self, method: Callable[[], object]) -> None:
        """Call `method` now, and again at each `call`."""
        owner: QObject = getattr(method, "__self__")  # noqa: B009 (not every callable has it)
        self._methods.setdefault(owner, {})[method.__name__] = None
        method()

    def call(self) -> None:
        """Call what was added and is still there."""
        for owner, names in list(self._methods.items()):
            for name in names:
                if shiboken6.isValid(owner):
                    getattr(owner, name)()
