"""What an empty conversation shows: plainly what this is."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from app import theme
from app.icons import icon
from engine.i18n import tr

_ICON_SIZE = 56
_TEXT_WIDTH = 440


class Welcome(QWidget):
    """Icon, one line and one honest sentence, in the middle of the page."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        picture = QLabel()
        picture.setPixmap(icon("geb-chat", size=_ICON_SIZE).pixmap(_ICON_SIZE))
        title = QLabel(tr("Ask in Chinese or English"))
        title.setObjectName("welcomeTitle")
        text = QLabel(
            tr(
                "A small model answers on this computer, without the internet; nothing you write "
                "leaves it. It knows little and may be wrong: check what matters."
            ),
            wordWrap=True,
        )
        text.setProperty("muted", True)
        text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        text.setFixedWidth(_TEXT_WIDTH)
        column = QVBoxLayout(self)
        column.setSpacing(theme.SPACE + 4)
        column.addStretch(5)
        for label in (picture, title, text):
            column.addWidget(label, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(6)
