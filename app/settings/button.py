"""The button at the foot of the sidebar."""

from PySide6.QtCore import QEvent, QSize
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QPushButton

from app import theme
from app.actions import Action
from app.icons import icon
from app.texts import follow_language, show_text


class SidebarButton(QPushButton):
    """An action with its icon and text."""

    def __init__(self, icon_name: str, action: Action) -> None:
        super().__init__()
        self.setObjectName("side")
        self._icon_name = icon_name
        self._action = action
        self.clicked.connect(action.trigger)
        show_text(self.setText, action.message)
        follow_language(self._show_keys)
        theme.follow_scale(self._draw)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._draw()

    def _show_keys(self) -> None:
        keys = self._action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        self.setToolTip(f"{self.text()} ({keys})")

    def _draw(self) -> None:
        side = theme.scaled(theme.ICON_SIZE)
        self.setIconSize(QSize(side, side))
        self.setIcon(icon(self._icon_name, theme.colors().muted, side))
