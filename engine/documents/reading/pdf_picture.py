"""PDF: the picture of a page, and where on it a passage stands."""

from contextlib import closing
from pathlib import Path

import pypdfium2 as pdfium

from engine.documents.failures import failure
from engine.documents.picture import MAX_PIXELS, Box, PagePicture, PictureRequest
from engine.documents.reading.opening import open_file
from engine.documents.reading.pdf import open_pdf
from engine.documents.reading.squeezed import Squeezed


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
        for left, bottom, right, top in rectangles
    )
