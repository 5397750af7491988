"""While an input method is composing, its keys stay its own, in every text field there is.

Most input methods swallow the keys of a composition before Qt sees them, but not all do. A field
that has the focus is watched, no other object: a filter on the application would run Python code
for every event of every widget.
"""

from typing import Final

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QInputMethodEvent, QKeyEvent
from PySide6.QtWidgets import QApplication, QWidget

_KEYS: Final = frozenset(
    {
        Qt.Key.Key_Return,
        Qt.Key.Key_Enter,
        Qt.Key.Key_Escape,
        Qt.Key.Key_Tab,
        Qt.Key.Key_Backtab,
        Qt.Key.Key_Up,
        Qt.Key.Key_Down,
        Qt.Key.Key_Left,
        Qt.Key.Key_Right,
        Qt.Key.Key_PageUp,
        Qt.Key.Key_PageDown,
    }
)


class CompositionGuard(QObject):
    """Keeps Enter, Escape, Tab and arrows from a field and its window during a composition."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._composing = False
        app.focusChanged.connect(self._watch)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QInputMethodEvent):
            self._composing = bool(event.preeditString())
        elif self._composing and isinstance(event, QKeyEvent) and event.key() in _KEYS:
            event.accept()  # as a shortcut it would go to the window
            return event.type() != QEvent.Type.KeyRelease
        return super().eventFilter(watched, event)

    def _watch(self, old: QWidget | None, new: QWidget | None) -> None:
        self._composing = False
        if old is not None:
            old.removeEventFilter(self)
        if new is not None and new.testAttribute(Qt.WidgetAttribute.WA_InputMethodEnabled):
            new.installEventFilter(self)
