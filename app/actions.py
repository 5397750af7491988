"""What a person can do: actions with a name, a shortcut, a group and a translated text.

Every action is made here, as a child of the widget that it works on. Menus, the command palette
and the page of shortcuts find all that lie below the window with `actions_of`; an action that is
disabled just now is one that makes no sense just now.
"""

from collections.abc import Callable
from enum import Enum

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from app.texts import show_text
from engine.i18n import tr


class Group(Enum):
    """Where an action stands in menus and lists, in this order."""

    CONVERSATION = "conversation"
    MESSAGE = "message"
    VIEW = "view"
    APPLICATION = "application"

    @property
    def title(self) -> str:
        """The group's name in the language in use."""
        match self:
            case Group.CONVERSATION:
                return tr("Conversations")
            case Group.MESSAGE:
                return tr("Messages")
            case Group.VIEW:
                return tr("View")
            case Group.APPLICATION:
                return tr("Application")


class Action(QAction):
    """An action with its group and its English text, by which it is found in any language."""

    def __init__(self, owner: QWidget, name: str, message: str, group: Group) -> None:
        super().__init__(owner)
        self.setObjectName(name)
        self.message = message
        self.group = group
        show_text(self.setText, message)


def add_action(
    owner: QWidget,
    name: str,
    message: str,
    on_trigger: Callable[[], object],
    keys: str = "",
    context: Qt.ShortcutContext = Qt.ShortcutContext.WindowShortcut,
    group: Group = Group.APPLICATION,
) -> Action:
    """Add an action to `owner`: `name` is its lasting identifier, `message` its English text.

    `keys` is a shortcut as Qt writes it ("Ctrl+Shift+F"), or several, separated by "; ".
    """
    action = Action(owner, name, message, group)
    action.setShortcuts([QKeySequence(part) for part in keys.split("; ") if part])
    action.setShortcutContext(context)
    action.triggered.connect(lambda: on_trigger())
    owner.addAction(action)
    return action


def actions_of(window: QWidget) -> list[Action]:
    """Return the actions in `window`, not those in its dialogs, by group, then as they were added.

    Of several with one name, as every message has its own "copy", an enabled one stands for all.
    """
    found: dict[str, Action] = {}
    for action in window.findChildren(Action):
        owner = action.parent()
        if isinstance(owner, QWidget) and owner.window() is not window:
            continue
        known = found.get(action.objectName())
        if known is None or (action.isEnabled() and not known.isEnabled()):
            found[action.objectName()] = action
    order = list(Group)
    return sorted(found.values(), key=lambda action: order.index(action.group))
