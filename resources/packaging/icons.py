"""The application's icon in the formats that desktops read, drawn from resources/icons."""

from io import BytesIO
from pathlib import Path

from PIL import Image
from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

SVG = Path(__file__).resolve().parents[1] / "icons/geb-chat.svg"
SIZES = (16, 24, 32, 48, 64, 128, 256, 512, 1024)


def write_icons(folder: Path) -> None:
    """Write geb-chat-SIZE.png, geb-chat.ico (Windows) and geb-chat.icns (macOS) into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = _draw(SIZES)
    for picture in pictures:
        picture.save(folder / f"geb-chat-{picture.width}.png")
    largest = pictures[-1]
    windows = [p for p in pictures if p.width <= 256]
    windows[-1].save(
        folder / "geb-chat.ico", sizes=[p.size for p in windows], append_images=windows[:-1]
    )
    largest.save(folder / "geb-chat.icns", append_images=pictures[:-1])


def _draw(sizes: tuple[int, ...]) -> list[Image.Image]:
    """Return the icon once for each width; drawn each time, since small ones would blur."""
    renderer = QSvgRenderer(str(SVG))
    pictures = []
    for size in sizes:
        image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(0)
        painter = QPainter(image)
        renderer.render(painter)
        painter.end()
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        image.save(buffer, "PNG")  # type: ignore[call-overload]  # the stub knows only bytes
        pictures.append(Image.open(BytesIO(buffer.data().data())).convert("RGBA"))
    return pictures
