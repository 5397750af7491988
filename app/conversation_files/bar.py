"""A line that says how far a piece of work has come, with a button that ends it."""

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from app import theme
from app.texts import show_text

_STEPS: Final = 1000


class ProgressLine(QWidget):
    """Hidden until some progress is shown."""

    cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label = QLabel(textFormat=Qt.TextFormat.PlainText)
        self.bar = QProgressBar()
        self.bar.setRange(0, _STEPS)
        self.bar.setTextVisible(False)
        self.cancel_button = QPushButton()
        self.cancel_button.setProperty("quiet", True)
        show_text(self.cancel_button.setText, "Cancel")
        self.cancel_button.clicked.connect(self.cancel_requested)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.SPACE, 0, theme.SPACE, 0)
        row.setSpacing(theme.SPACE + 4)
        row.addWidget(self.label)
        row.addWidget(self.bar, 1)
        row.addWidget(self.cancel_button)
        self.hide()

    def begin(self, text: str) -> None:
        """Name the work that begins."""
        self.label.setText(text)
        self.bar.setAccessibleName(text)
        self.bar.setValue(0)

    def show_share(self, share: float) -> None:
        """Show that `share` of it, 0 to 1, is done."""
        self.bar.setValue(round(share * _STEPS))
        self.show()
