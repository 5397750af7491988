"""The button that names the model, and lets another one answer the open conversation."""

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QPushButton

from engine.bundle_paths import list_bundle_paths
from engine.errors import GebError
from engine.i18n import tr


class ModelButton(QPushButton):
    """Its text is the name of the model in use, or what happens to it."""

    chosen = Signal(str)
    """The name of an installed model, for the open conversation."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("model")
        self.current: Callable[[], str] = str
        """Returns the name of the model that answers the open conversation."""
        self.more: list[QAction] = []
        """Actions below the models."""
        menu = QMenu(self)
        menu.aboutToShow.connect(self._fill)
        self.setMenu(menu)

    def _fill(self) -> None:
        menu = self.menu()
        menu.clear()
        current = self.current()
        try:
            names = [path.name for path in list_bundle_paths()]
        except GebError:
            names = []
        for name in names:
            action = menu.addAction(name.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(name == current)
            action.triggered.connect(lambda _checked=False, name=name: self.chosen.emit(name))
        if not names:
            menu.addAction(tr("No model is installed.")).setEnabled(False)
        menu.addSeparator()
        menu.addActions(self.more)
