"""What an empty conversation shows: plainly what this is."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app import theme
from app.icons import icon
from app.texts import show_text

_ICON_SIZE = 56
_TEXT_WIDTH = 440


class Welcome(QWidget):
    """Icon, one line and one honest sentence, in the middle of the page."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        picture = QLabel()
        picture.setPixmap(icon("geb-chat", size=_ICON_SIZE).pixmap(_ICON_SIZE))
        self._title = QLabel(wordWrap=True)
        show_text(self._title.setText, "Ask in Chinese or English")
        self._title.setObjectName("welcomeTitle")
        self._title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._text = QLabel(wordWrap=True)
        show_text(
            self._text.setText,
            "A small model answers on this computer, without the internet; nothing you write "
            "leaves it. It knows little and may be wrong: check what matters.",
        )
        self._text.setProperty("muted", True)
        self._text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column = QVBoxLayout(self)
        column.setSpacing(theme.SPACE + 4)
        column.addStretch(5)
        column.addWidget(picture, 0, Qt.AlignmentFlag.AlignHCenter)
        for label in (self._title, self._text):
            row = QHBoxLayout()  # an alignment would cut wrapped text to the height of a guess
            row.addStretch(1)
            row.addWidget(label)
            row.addStretch(1)
            column.addLayout(row)
        column.addStretch(6)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        width = min(theme.scaled(_TEXT_WIDTH), self.width() - 6 * theme.SPACE)
        for label in (self._title, self._text):
            label.setFixedWidth(width)
