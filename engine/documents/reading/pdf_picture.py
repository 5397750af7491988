"""PDF: the picture of a page, and where on it a passage stands."""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pypdfium2 as pdfium

from engine.documents.failures import failure
from engine.documents.picture import MAX_PIXELS, Box, PagePicture, PictureRequest
from engine.documents.reading.opening import open_file
from engine.documents.reading.pdf import open_pdf
from engine.documents.reading.squeezed import Squeezed

_Rectangle = tuple[float, float, float, float]
"""Left, bottom, right and top, in the page's units."""
_WIDEST_GAP = 3.0
"""Between two words of a line, in its heights; more is another column."""


def draw_page(path: Path, request: PictureRequest) -> PagePicture:
    """Return the picture of a page, in this process: only for files that can be trusted.

    Raises DocumentError for what is no PDF, is damaged, or has no such page.
    """
    with open_file(path) as (file, size), open_pdf(file, size) as pdf:
        if not 0 <= request.page_index < len(pdf):
            raise failure("damaged")
        try:
            with closing(pdf[request.page_index]) as page:
                return _draw(page, request)
        except pdfium.PdfiumError as error:
            raise failure("damaged") from error


def _draw(page: pdfium.PdfPage, request: PictureRequest) -> PagePicture:
    width, height = page.get_size()
    if width <= 0 or height <= 0:
        raise failure("damaged")
    scale = request.width / width
    scale = min(scale, (MAX_PIXELS / (width * height)) ** 0.5)
    bitmap = page.render(scale=scale, rev_byteorder=False, force_bitmap_format=4)  # BGRx
    stride, used = bitmap.stride, bitmap.width * 4
    data = bytes(bitmap.buffer)
    rows = [data[row * stride : row * stride + used] for row in range(bitmap.height)]
    boxes = _boxes(page, request, bitmap.height, scale) if request.words else ()
    return PagePicture(bitmap.width, bitmap.height, b"".join(rows), boxes)


def _boxes(
    page: pdfium.PdfPage, request: PictureRequest, height: int, scale: float
) -> tuple[Box, ...]:
    """Return a box for each line of the words, where text and characters can be matched."""
    with closing(page.get_textpage()) as text_page:
        text = text_page.get_text_range()
        # pdfium counts its own characters, which rare ones put out of step with the text.
        in_step = len(text) == text_page.count_chars()
        place = Squeezed(text).find(request.words, request.near) if in_step else None
        if place is None:
            return ()
        start, end = place
        count = text_page.count_rects(start, end - start)
        rectangles = [text_page.get_rect(index) for index in range(count)]
    return tuple(
        Box(left * scale, height - top * scale, (right - left) * scale, (top - bottom) * scale)
        for left, bottom, right, top in _lines(rectangles)
    )


def _lines(rectangles: Iterable[_Rectangle]) -> list[_Rectangle]:
    """Join what stands side by side: pdfium gives some letters boxes of their own."""
    lines: list[_Rectangle] = []
    for left, bottom, right, top in rectangles:
        if lines:
            before = lines[-1]
            common = min(top, before[3]) - max(bottom, before[1])
            height = min(top - bottom, before[3] - before[1])
            gap = left - before[2]
            if common > height / 2 and abs(gap) < _WIDEST_GAP * (before[3] - before[1]):
                lines[-1] = (
                    min(left, before[0]),
                    min(bottom, before[1]),
                    max(right, before[2]),
                    max(top, before[3]),
                )
                continue
        lines.append((left, bottom, right, top))
    return lines
