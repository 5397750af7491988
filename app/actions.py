"""What a person can do: actions with a name, a shortcut and a translated text.

Every action is made here, as a child of the widget that it works on, so that menus, the command
palette and the page of shortcuts find them all below the window (`QObject.findChildren`).
"""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from app.texts import show_text


def add_action(
    owner: QWidget,
    name: str,
    message: str,
    on_trigger: Callable[[], object],
    keys: str = "",
    context: Qt.ShortcutContext = Qt.ShortcutContext.WindowShortcut,
) -> QAction:
    """Add an action to `owner`: `name` is its lasting identifier, `message` its English text."""
    action = QAction(owner)
    action.setObjectName(name)
    show_text(action.setText, message)
    action.setShortcut(QKeySequence(keys))
    action.setShortcutContext(context)
    action.triggered.connect(lambda: on_trigger())
    owner.addAction(action)
    return action
