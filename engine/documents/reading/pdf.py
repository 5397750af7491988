"""PDF: the text of each page, its outline as headings."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from typing import BinaryIO

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_raw

from engine.documents.document import Document, Heading, Page
from engine.documents.failures import failure
from engine.documents.reading.limits import MAX_CHARACTERS, MAX_PAGES
from engine.documents.reading.pdf_text import flowing, is_garbled, running_heads
from engine.documents.reading.squeezed import Squeezed

_IN_MEMORY = 64 << 20
"""Larger files are read from disk piece by piece."""
_MAX_OUTLINE = 5_000
_LEAST_TEXT = 8
"""Characters a page below which a file with pictures is a scan with a stamp on it."""
_LOOK_FOR_PICTURES = 5
_NO_TITLES = ("untitled", "microsoft word - ", "microsoft powerpoint - ", "无标题")


def read_pdf(file: BinaryIO, size: int) -> Document:
    """Read a PDF. Pages that are damaged alone are empty."""
    with open_pdf(file, size) as pdf:
        raw = list(_raw_pages(pdf))
        characters = sum(len("".join(text.split())) for text in raw)
        if characters < _LEAST_TEXT * len(raw) and _has_pictures(pdf):
            raise failure("no_text")
        if not characters:
            raise failure("empty")
        if is_garbled("".join(raw)):
            raise failure("garbled")
        heads = running_heads(raw)
        texts = [flowing(text, heads) for text in raw]
        pages = tuple(Page(number, text) for number, text in enumerate(texts, 1))
        return Document("pdf", _title(pdf), pages, tuple(_outline(pdf, texts)))


@contextmanager
def open_pdf(file: BinaryIO, size: int) -> Iterator[pdfium.PdfDocument]:
    """Yield an open PDF. Raises DocumentError for what is damaged or needs a password."""
    try:
        pdf = pdfium.PdfDocument(file.read() if size <= _IN_MEMORY else file)
    except pdfium.PdfiumError as error:
        locked = error.err_code in (pdfium_raw.FPDF_ERR_PASSWORD, pdfium_raw.FPDF_ERR_SECURITY)
        raise failure("encrypted" if locked else "damaged") from error
    with closing(pdf):
        count = len(pdf)
        if count < 1:
            raise failure("damaged")
        if count > MAX_PAGES:
            raise failure("too_large")
        yield pdf


def _raw_pages(pdf: pdfium.PdfDocument) -> Iterator[str]:
    total = failed = 0
    for index in range(len(pdf)):
        try:
            with closing(pdf[index]) as page, closing(page.get_textpage()) as text_page:
                text = text_page.get_text_range()
        except pdfium.PdfiumError:
            text, failed = "", failed + 1
        total += len(text)
        if total > MAX_CHARACTERS:
            raise failure("too_large")
        yield text
    if failed == len(pdf):
        raise failure("damaged")


def _has_pictures(pdf: pdfium.PdfDocument) -> bool:
    for index in range(min(len(pdf), _LOOK_FOR_PICTURES)):
        try:
            with closing(pdf[index]) as page:
                found = page.get_objects(filter=[pdfium_raw.FPDF_PAGEOBJ_IMAGE], max_depth=3)
                if next(iter(found), None) is not None:
                    return True
        except pdfium.PdfiumError:
            continue
    return False


def _title(pdf: pdfium.PdfDocument) -> str:
    title = " ".join(str(pdf.get_metadata_value("Title")).replace("\0", "").split())
    return "" if title.lower().startswith(_NO_TITLES) else title


def _outline(pdf: pdfium.PdfDocument, texts: list[str]) -> Iterator[Heading]:
    """Yield the outline's entries, each where its words stand on its page."""
    headings: list[Heading] = []
    page_index, squeezed = -1, Squeezed("")
    for mark in islice(pdf.get_toc(max_depth=6), _MAX_OUTLINE):
        title = " ".join(mark.get_title().replace("\0", "").split())
        destination = mark.get_dest()
        index = destination.get_index() if destination else None
        if not title or index is None or not 0 <= index < len(texts):
            continue
        if index != page_index:
            page_index, squeezed = index, Squeezed(texts[index])
        found = squeezed.find(title)
        start = found[0] if found else 0
        headings.append(Heading(index, start, min(mark.level + 1, 6), title))
    return iter(sorted(headings, key=lambda heading: (heading.page_index, heading.start)))
