"""The line above the transcript: the title of the conversation and what can be done with it."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QSizePolicy, QToolButton, QWidget

from app import theme
from app.actions import Action
from app.icons import IconButton


class Header(QWidget):
    """Title, rename, delete and the main menu; the actions belong to others."""

    def __init__(
        self, rename: QAction, delete: QAction, menu: QMenu, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.title = ElidedLabel()
        self.title.setObjectName("title")
        rename_button = IconButton("rename", "Rename (F2)")
        rename_button.clicked.connect(rename.trigger)
        delete_button = IconButton("delete", "Delete conversation")
        delete_button.clicked.connect(delete.trigger)
        self.menu_button = IconButton("menu", "Menu (F10)")
        self.menu_button.setMenu(menu)
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.buttons: tuple[IconButton, ...] = (rename_button, delete_button, self.menu_button)
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(3 * theme.SPACE, theme.SPACE, theme.SPACE + 4, theme.SPACE)
        row.setSpacing(2)
        row.addWidget(self.title, 1)
        for button in self.buttons:
            row.addWidget(button)

    def add_button(self, icon_name: str, action: Action) -> None:
        """Add a button for an action of others, before that of the menu."""
        button = IconButton(icon_name, action.message)
        button.clicked.connect(action.trigger)
        self.buttons = (*self.buttons[:-1], button, self.buttons[-1])
        self._row.insertWidget(self._row.count() - 1, button)


class ElidedLabel(QLabel):
    """One line of plain text, cut with an ellipsis where it does not fit."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._full_text = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_full_text(self, text: str) -> None:
        """Show as much of `text` as fits; all of it is read aloud."""
        self._full_text = text
        self.setAccessibleName(text)
        self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.fontMetrics().height())

    def _elide(self) -> None:
        elided = self.fontMetrics().elidedText(
            self._full_text, Qt.TextElideMode.ElideRight, self.width()
        )
        self.setText(elided)
