"""How full the model's context is: a small bar that says it in words, too."""

from typing import Final

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from app import theme

_SIZE: Final = (56, 6)
_NEARLY_FULL: Final = 0.9


class ContextMeter(QWidget):
    """Hidden while nothing is known."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.share = 0.0
        theme.follow_scale(self._fit_scale)
        self.hide()

    def show_share(self, share: float, text: str) -> None:
        """Show that `share` of the context, 0 to 1, is used; `text` says it in words."""
        self.share = min(max(share, 0.0), 1.0)
        self.setToolTip(text)
        self.setAccessibleName(text)
        self.show()
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        colors = theme.colors()
        width, height = self.width(), theme.scaled(_SIZE[1])
        top = (self.height() - height) / 2
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        nearly_full = self.share >= _NEARLY_FULL
        for color, share in (
            (colors.border, 1.0),
            (colors.on_notice if nearly_full else colors.accent, self.share),
        ):
            painter.setBrush(QColor(color))
            rect = QRectF(0, top, max(width * share, height if share else 0), height)
            painter.drawRoundedRect(rect, height / 2, height / 2)

    def _fit_scale(self) -> None:
        self.setFixedSize(theme.scaled(_SIZE[0]), theme.scaled(theme.SPACE * 2))
