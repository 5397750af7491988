"""The picture of a page with the passage marked, as wide as there is room."""

from typing import Final

from PySide6.QtCore import QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPixmap, QResizeEvent
from PySide6.QtWidgets import QLabel, QScrollArea, QWidget

from app import theme
from app.texts import show_text
from engine.documents.picture import PagePicture

_LEAST_WIDTH: Final = 400
"""Pixels of the picture: a page is no narrower, however narrow the window is."""
_RESIZED_MS: Final = 200
_AROUND_WORDS: Final = 0.15
"""Of a line's height: how far the mark reaches over its letters."""


class PageView(QScrollArea):
    """Shows one picture; `resized` asks for another of `picture_width`."""

    resized = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.picture = QLabel(alignment=Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter)
        show_text(self.picture.setAccessibleName, "Picture of the page")
        self.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.setWidget(self.picture)
        self._shown_width = 0
        self._timer = QTimer(self, singleShot=True, interval=_RESIZED_MS)
        self._timer.timeout.connect(self.resized)

    @property
    def picture_width(self) -> int:
        """Pixels of the screen that a picture may be wide."""
        bar = self.verticalScrollBar().sizeHint().width()
        # A page of a stack that is not shown has no size of its own yet.
        width = (self.parentWidget() or self).width() - bar - 4
        return max(round(width * self.devicePixelRatio()), _LEAST_WIDTH)

    def clear(self) -> None:
        """Show nothing, and ask for nothing."""
        self._shown_width = 0
        self._timer.stop()
        self.picture.clear()

    def show_picture(self, page: PagePicture) -> None:
        """Show a page from its mark on, or from its top where nothing is marked."""
        is_new = not self._shown_width
        self._shown_width = self.picture_width
        image = QImage(
            page.pixels, page.width, page.height, 4 * page.width, QImage.Format.Format_RGB32
        ).copy()
        painter = QPainter(image)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Multiply)
        for box in page.boxes:
            more = _AROUND_WORDS * box.height
            mark = QRectF(box.x, box.y, box.width, box.height).adjusted(-more, -more, more, more)
            painter.fillRect(mark, QColor(theme.LIGHT.selection))  # paper is light in the dark, too
        painter.end()
        ratio = self.devicePixelRatio()
        pixmap = QPixmap.fromImage(image)
        pixmap.setDevicePixelRatio(ratio)
        self.picture.setPixmap(pixmap)
        self.picture.adjustSize()
        if is_new:
            first = min((box.y for box in page.boxes), default=0.0)
            top = round(first / ratio) - self.viewport().height() // 3
            QTimer.singleShot(0, self, lambda: self.verticalScrollBar().setValue(top))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._shown_width and self.picture_width != self._shown_width:
            self._timer.start()
