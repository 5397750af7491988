"""How fast files become text and passages, through the process that reads them.

    python tests/benchmarks/bench_reading.py [--data DIR] [--readers N] [--megabytes N]

Writes one large file of each format from the text of DIR/pretrain (../shared/corpus; without it,
from sentences made here), half Chinese, half English; PDFs with embedded fonts if PySide6 finds
some. Prints MB of text a second (UTF-8) by format, of dividing it into passages, and PDF pages a
second of N readers at once, which is how a library uses two cores.
"""

import argparse
import json
import lzma
import os
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html import escape
from pathlib import Path
from time import perf_counter
from zipfile import ZIP_DEFLATED, ZipFile

from engine.documents.document import Document
from engine.documents.sandbox import DocumentReader
from engine.documents.splitting import split

OUT = Path("build/bench/reading.json")
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def main() -> int:
    """Print a table and write build/bench/reading.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--readers", type=int, default=2)
    parser.add_argument("--megabytes", type=float, default=4.0)
    options = parser.parse_args()
    paragraphs = list(_paragraphs(options.data, int(options.megabytes * 1e6)))
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for path in _write_formats(Path(folder), paragraphs):
            _measure_format(path, figures)
        pdfs = _write_pdfs(Path(folder), paragraphs, options.readers)
        _measure_pdfs(pdfs, figures)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(figures, indent=1))
    return 0


def _paragraphs(data: Path | None, size: int) -> Iterator[str]:
    """Yield paragraphs, Chinese and English by turns, of so many bytes in all."""
    sources = [_lines(data, language) for language in ("zh", "en")] if data else []
    made = [
        "深海鱼类能在黑暗中发光，科学家研究了它们。" * 9,
        "The lighthouse was built in 1874. " * 9,
    ]
    turn = 0
    while size > 0:
        text = next(sources[turn % 2]) if sources else made[turn % 2] * 9
        turn += 1
        size -= len(text.encode())
        yield text


def _lines(data: Path, language: str) -> Iterator[str]:
    for path in sorted((data / "pretrain").glob(f"{language}-*.jsonl.xz")):
        with lzma.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                yield from (part for part in json.loads(line)["text"].splitlines() if part.strip())


def _write_formats(folder: Path, paragraphs: list[str]) -> list[Path]:
    text = "\n\n".join(paragraphs)
    html = "".join(f"<p class='a'>{escape(part)}</p>\n" for part in paragraphs)
    contents = {
        "text.txt": text.encode(),
        "gb18030.txt": text.encode("gb18030"),
        "markdown.md": text.encode(),
        "html.html": f"<html><meta charset=utf-8><body>{html}</body></html>".encode(),
        "csv.csv": "\n".join(part.replace(",", ";") + ",1,2" for part in paragraphs).encode(),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    runs = "".join(
        f"<w:p><w:pPr><w:jc w:val='both'/></w:pPr><w:r><w:rPr><w:sz w:val='24'/></w:rPr>"
        f"<w:t>{escape(part)}</w:t></w:r></w:p>"
        for part in paragraphs
    )
    rows = "".join(
        f"<row><c t='inlineStr'><is><t>{escape(part)}</t></is></c><c><v>{number}</v></c></row>"
        for number, part in enumerate(paragraphs)
    )
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    link = f"<R><Relationship Id='a' Type='{relation}/worksheet' Target='a.xml'/></R>"
    book = f"<w xmlns:r='{relation}'><sheets><sheet name='a' r:id='a'/></sheets></w>"
    body = f"<w:document xmlns:w='{W}'><w:body>{runs}</w:body></w:document>"
    sheet = f"<worksheet><sheetData>{rows}</sheetData></worksheet>"
    _pack(folder / "docx.docx", {"word/document.xml": body})
    parts = {"xl/workbook.xml": book, "xl/_rels/workbook.xml.rels": link, "xl/a.xml": sheet}
    _pack(folder / "xlsx.xlsx", parts)
    return sorted(folder.iterdir())


def _pack(path: Path, members: dict[str, str]) -> None:
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def _measure_format(path: Path, figures: dict[str, float]) -> None:
    with DocumentReader() as reader:
        _read(reader, Path(__file__))  # starts the process
        document, seconds = _read(reader, path)
    started = perf_counter()
    passages = split(document)
    dividing = perf_counter() - started
    megabytes = sum(len(page.text.encode()) for page in document.pages) / 1e6
    name = path.stem
    figures[f"read_{name}_mb_per_second"] = round(megabytes / seconds, 2)
    figures[f"split_{name}_mb_per_second"] = round(megabytes / dividing, 2)
    print(
        f"{name:10}{megabytes / seconds:>8.1f} MB/s read {megabytes / dividing:>8.1f} MB/s divided"
        f" {len(passages):>7} passages"
    )


def _read(reader: DocumentReader, path: Path) -> tuple[Document, float]:
    started = perf_counter()
    document = reader.read(path)
    return document, perf_counter() - started


def _write_pdfs(folder: Path, paragraphs: list[str], count: int) -> list[Path]:
    """Print the text into PDFs with embedded fonts, as a word processor does."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import QSizeF
    from PySide6.QtGui import QFont, QGuiApplication, QPdfWriter, QTextDocument

    application = QGuiApplication.instance() or QGuiApplication([])
    text = QTextDocument()
    text.setDefaultFont(QFont("Noto Serif CJK SC", 11))
    text.setPageSize(QSizeF(450, 640))
    text.setPlainText("\n".join(paragraphs)[:400_000])
    paths = []
    for number in range(count):
        paths.append(folder / f"{number}.pdf")
        text.print_(QPdfWriter(str(paths[-1])))
    del application
    return paths


def _measure_pdfs(paths: list[Path], figures: dict[str, float]) -> None:
    readers = [DocumentReader() for _ in paths]
    try:
        for reader in readers:
            _read(reader, Path(__file__))
        started = perf_counter()
        with ThreadPoolExecutor(len(paths)) as pool:
            documents = list(
                pool.map(lambda pair: pair[0].read(pair[1]), zip(readers, paths, strict=True))
            )
        seconds = perf_counter() - started
    finally:
        for reader in readers:
            reader.close()
    pages = sum(len(document.pages) for document in documents)
    characters = sum(len(page.text) for document in documents for page in document.pages)
    figures["pdf_pages_per_second"] = round(pages / seconds, 1)
    print(f"pdf       {pages / seconds:>8.1f} pages/s with {len(paths)} readers,", end=" ")
    print(f"{pages} pages, {characters // max(1, pages)} characters each")


if __name__ == "__main__":
    sys.exit(main())
