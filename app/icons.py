"""Icons drawn from the SVG files under resources/icons, in a colour of the theme."""

from functools import cache

from PySide6.QtCore import QByteArray, QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QToolButton, QWidget

from app import theme
from app.texts import show_text
from engine.resources import RESOURCES

_PIXEL_RATIOS = (1.0, 2.0, 3.0)


@cache
def icon(name: str, color: str = "#000000", size: int = theme.ICON_SIZE) -> QIcon:
    """Return resources/icons/`name`.svg at `size` pixels, its `currentColor` drawn as `color`."""
    source = (RESOURCES / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    renderer = QSvgRenderer(QByteArray(source.replace("currentColor", color).encode()))
    result = QIcon()
    for ratio in _PIXEL_RATIOS:
        pixmap = QPixmap(QSize(size, size) * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        renderer.render(painter, QRectF(0, 0, size, size))
        painter.end()
        result.addPixmap(pixmap)
    return result


class IconButton(QToolButton):
    """A square button with an icon that follows the theme and a name that is read aloud.

    `label` is English text, which follows the language.
    """

    def __init__(self, icon_name: str, label: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon_name = icon_name
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        theme.follow_scale(self._fit_size)
        self.show_as(icon_name, label)

    def show_as(self, icon_name: str, label: str, **values: object) -> None:
        """Show another icon; `label` is the tooltip and the accessible name."""
        self._icon_name = icon_name
        show_text(self.setToolTip, label, **values)
        show_text(self.setAccessibleName, label, **values)
        self._draw()

    def set_flush(self) -> None:
        """Begin where a text above it begins."""
        self.setProperty("flush", True)
        self._fit_size()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.EnabledChange):
            self._draw()

    def _fit_size(self) -> None:
        side, picture = theme.scaled(theme.BUTTON_SIZE), theme.scaled(theme.ICON_SIZE)
        narrow = bool(self.property("flush"))  # its picture stands where text begins
        self.setFixedSize(picture + theme.scaled(theme.SPACE) if narrow else side, side)
        self.setIconSize(QSize(picture, picture))
        self._draw()

    def _draw(self) -> None:
        colors = theme.colors()
        filled = bool(self.property("filled")) and self.isEnabled()
        color = colors.on_accent if filled else colors.muted
        self.setIcon(icon(self._icon_name, color, theme.scaled(theme.ICON_SIZE)))
