"""The main menu: every action, a submenu for each group."""

from PySide6.QtWidgets import QMenu, QWidget

from app.actions import Group, actions_of


class MainMenu(QMenu):
    """Filled when it is about to show, with the actions below `window` as they are then."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self.aboutToShow.connect(self._fill)

    def _fill(self) -> None:
        self._clear()
        actions = actions_of(self._window)
        for group in Group:
            members = [action for action in actions if action.group is group]
            if members:
                self.addMenu(group.title).addActions(members)

    def _clear(self) -> None:
        for submenu in self.findChildren(QMenu):
            submenu.deleteLater()
        self.clear()
