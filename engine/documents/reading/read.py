"""Reads a file of any known format."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from engine.documents.document import Document, Kind
from engine.documents.failures import failure
from engine.documents.reading.archive import Archive
from engine.documents.reading.docx import read_docx
from engine.documents.reading.epub import read_epub
from engine.documents.reading.html import read_html
from engine.documents.reading.kinds import kind_of
from engine.documents.reading.limits import MAX_TEXT_BYTES
from engine.documents.reading.markdown import read_markdown
from engine.documents.reading.odt import read_odt
from engine.documents.reading.opening import open_file
from engine.documents.reading.pdf import read_pdf
from engine.documents.reading.plain import read_code, read_csv, read_text
from engine.documents.reading.pptx import read_pptx
from engine.documents.reading.rst import read_rst
from engine.documents.reading.xlsx import read_xlsx

_ARCHIVES: dict[Kind, Callable[[Archive], Document]] = {
    "docx": read_docx,
    "pptx": read_pptx,
    "xlsx": read_xlsx,
    "odt": read_odt,
    "epub": read_epub,
}
_TEXTS: dict[Kind, Callable[[bytes], Document]] = {
    "html": read_html,
    "markdown": read_markdown,
    "rst": read_rst,
    "text": read_text,
    "csv": read_csv,
    "code": read_code,
}


def read_document(path: Path) -> Document:
    """Return the text of a file, in this process: only for files that can be trusted.

    Raises DocumentError with one of the codes in failures.py.
    """
    with open_file(path) as (file, size):
        return _read(file, size, kind_of(file, path.name))


def _read(file: BinaryIO, size: int, kind: Kind) -> Document:
    if kind == "pdf":
        return read_pdf(file, size)
    if kind in _ARCHIVES:
        return _ARCHIVES[kind](Archive(file))
    if size > MAX_TEXT_BYTES:
        raise failure("too_large")
    return _TEXTS[kind](file.read(MAX_TEXT_BYTES + 1))
