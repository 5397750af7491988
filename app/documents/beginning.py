"""What the library shows before there is anything in it."""

from typing import Final

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.icons import icon
from app.texts import show_text

_ICON_SIZE: Final = 48


class Beginning(QWidget):
    """What documents are good for here, and the two ways to begin."""

    folder_wanted = Signal()
    files_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture = QLabel(alignment=Qt.AlignmentFlag.AlignHCenter)
        title = QLabel(alignment=Qt.AlignmentFlag.AlignHCenter, wordWrap=True)
        title.setObjectName("welcomeTitle")
        show_text(title.setText, "Ask your own documents")
        self.text = QLabel(alignment=Qt.AlignmentFlag.AlignHCenter, wordWrap=True)
        self.text.setProperty("muted", True)
        show_text(
            self.text.setText,
            "Add a folder or files, or drop them here: GEB Chat reads them and answers "
            "questions about them. They stay where they are, on this computer.",
        )
        self.folder_button = QPushButton(autoDefault=False)
        self.folder_button.setProperty("primary", True)
        show_text(self.folder_button.setText, "Add a folder…")
        self.folder_button.clicked.connect(self.folder_wanted)
        self.files_button = QPushButton(autoDefault=False)
        show_text(self.files_button.setText, "Add files…")
        self.files_button.clicked.connect(self.files_wanted)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.folder_button)
        buttons.addWidget(self.files_button)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setSpacing(theme.SPACE + 4)
        column.addStretch(4)
        column.addWidget(self._picture)
        column.addWidget(title)
        middle = QHBoxLayout()
        middle.addStretch(1)
        middle.addWidget(self.text, 3)
        middle.addStretch(1)
        column.addLayout(middle)
        column.addLayout(buttons)
        column.addStretch(5)
        theme.follow_scale(self._draw)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._draw()

    def _draw(self) -> None:
        side = theme.scaled(_ICON_SIZE)
        self._picture.setPixmap(icon("documents", theme.colors().accent, side).pixmap(side))
