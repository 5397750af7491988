"""A document at the place that an answer cites: what is marked, page by page."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from document_helpers import LIGHT, ZH, passage, write_papers
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QDesktopServices, QPainter, QPdfWriter
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.documents.preview import Preview
from engine.documents.answering.sources import Citation
from engine.documents.sandbox import DocumentReader


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_papers(tmp_path / "papers")


def test_the_preview_marks_the_cited_sentence(qtbot: QtBot, folder: Path) -> None:
    parent = QWidget()
    preview = Preview(parent)
    try:
        found = passage(folder / "灯塔.md", ZH, start=0, end=len(ZH))
        citation = Citation(number=1, passage=found, start=8, end=21)
        preview.show_citation(citation)
        qtbot.waitUntil(lambda: bool(preview.text.toPlainText()), timeout=30_000)
        cursor = preview.text.textCursor()
        assert cursor.position() == 8
        cursor.setPosition(10)
        assert cursor.charFormat().background().style() != Qt.BrushStyle.NoBrush
        cursor.setPosition(3)
        assert cursor.charFormat().background().style() == Qt.BrushStyle.NoBrush
        assert not preview.remark.text()
        # The file changes: the passage is shown as it was, and that is said.
        (folder / "灯塔.md").write_text("新的内容。", encoding="utf-8")
        preview.show_citation(citation)
        qtbot.waitUntil(lambda: "has changed" in preview.remark.text(), timeout=30_000)
        assert preview.text.toPlainText() == citation.text
        # It goes: one sentence.
        (folder / "灯塔.md").unlink()
        preview.show_citation(citation)
        qtbot.waitUntil(lambda: "cannot be read" in preview.remark.text(), timeout=30_000)
        assert "as it was" in preview.remark.text()
        assert preview.text.toPlainText() == ZH
        assert marked(preview) == citation.text
    finally:
        preview.close()
        preview.shutdown()
        parent.deleteLater()


@pytest.fixture
def preview(qtbot: QtBot) -> Iterator[Preview]:
    parent = QWidget()
    preview = Preview(parent)
    yield preview
    preview.close()
    preview.shutdown()
    parent.deleteLater()


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    """Three pages."""
    path = tmp_path / "three.pdf"
    writer = QPdfWriter(str(path))
    painter = QPainter(writer)
    painter.drawText(QPointF(500, 900), "A keeper lights the lamp.")
    writer.newPage()
    painter.drawText(QPointF(500, 900), "Ships pass the rock at night.")
    writer.newPage()
    painter.drawText(QPointF(500, 900), "Gulls wake everyone early.")
    painter.end()
    return path


def marked(preview: Preview) -> str:
    """The characters with a mark behind them."""
    cursor = preview.text.textCursor()
    text = preview.text.toPlainText()
    found = ""
    for place, character in enumerate(text):
        cursor.setPosition(place + 1)
        if cursor.charFormat().background().style() != Qt.BrushStyle.NoBrush:
            found += character
    return found


def test_of_a_second_source_no_more_is_marked_than_of_the_first(
    qtbot: QtBot, preview: Preview, folder: Path
) -> None:
    zh = passage(folder / "灯塔.md", ZH, start=0, end=len(ZH))
    en = passage(folder / "light.txt", LIGHT, start=0, end=len(LIGHT))
    for found, start, end in ((zh, 0, 8), (en, 33, 66), (zh, 8, 21)):
        preview.show_citation(Citation(number=1, passage=found, start=start, end=end))
        qtbot.waitUntil(lambda: bool(preview.text.toPlainText()), timeout=30_000)
        assert marked(preview) == found.text[start:end]


def test_the_preview_turns_pages_and_fills_its_window(
    qtbot: QtBot, preview: Preview, pdf: Path
) -> None:
    with DocumentReader() as reader:
        text = reader.read(pdf).pages[1].text
    found = replace(passage(pdf, text, start=0, end=len(text), page=2), page_index=1)
    preview.show_passage(found)
    qtbot.waitUntil(preview.switch_button.isVisible, timeout=30_000)
    qtbot.waitUntil(preview.number.isVisible, timeout=30_000)
    assert preview.number.text() == "Page 2 of 3"
    assert marked(preview) == text
    narrow = preview.page_area.picture.pixmap().width()
    preview.resize(preview.width() + 200, preview.height())
    qtbot.waitUntil(
        lambda: preview.page_area.picture.pixmap().width() > narrow + 150, timeout=30_000
    )
    preview.forth.trigger()
    assert "Gulls" in preview.text.toPlainText()
    assert marked(preview) == ""
    assert not preview.forth.isEnabled()
    qtbot.waitUntil(lambda: not preview.page_area.picture.pixmap().isNull(), timeout=30_000)
    assert preview.pages.currentWidget() is preview.page_area
    preview.back.trigger()
    assert marked(preview) == text


def test_a_file_that_no_program_opens_is_said(
    qtbot: QtBot, preview: Preview, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda _url: False)
    preview.show_passage(passage(folder / "light.txt", LIGHT, start=0, end=9))
    qtbot.waitUntil(lambda: bool(preview.text.toPlainText()), timeout=30_000)
    preview.system_button.click()
    assert preview.remark.text() == "No program of this computer opened light.txt."
