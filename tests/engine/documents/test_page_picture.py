"""The picture of a PDF's page, drawn in the reading process, with a passage's place on it."""

from collections.abc import Iterator
from pathlib import Path

import document_files as files
import numpy as np
import pytest

from engine.documents.picture import MAX_PIXELS, PictureRequest
from engine.documents.sandbox import DocumentReader
from engine.documents.wire import picture_from_json
from engine.errors import DocumentError


@pytest.fixture(scope="module")
def reader() -> Iterator[DocumentReader]:
    with DocumentReader() as reader:
        yield reader


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    """Two pages in a font that every reader draws."""
    lines = ["The lighthouse stands on a rock.", "It was built in 1882.", "It shines at night."]
    shown = "".join(
        f"1 0 0 1 50 {780 - 20 * row} Tm ({line}) Tj\n" for row, line in enumerate(lines)
    )
    content = f"BT /F 12 Tf {shown} ET"
    page = (
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 850] /Contents 5 0 R "
        "/Resources << /Font << /F 4 0 R >> >> >>"
    )
    path = tmp_path / "two.pdf"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R 6 0 R] /Count 2 >>",
        page,
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
        page,
    ]
    path.write_bytes(files.assemble(objects))
    return path


def words_of(reader: DocumentReader, pdf: Path, page_index: int) -> str:
    """Some words that stand in the middle of a page."""
    text = reader.read(pdf).pages[page_index].text
    return text[len(text) // 3 : len(text) // 3 + 20]


def test_the_marked_place_has_the_ink_of_the_words(reader: DocumentReader, pdf: Path) -> None:
    words = words_of(reader, pdf, 0)
    page = reader.draw(pdf, PictureRequest(0, 800, words))
    assert page.width == 800
    pixels = np.frombuffer(page.pixels, np.uint8).reshape(page.height, page.width, 4)
    assert page.boxes
    for box in page.boxes:
        top, left = round(box.y), round(box.x)
        inside = pixels[top : top + round(box.height) + 1, left : left + round(box.width) + 1, :3]
        assert inside.min() < 128  # dark letters …
        assert inside.max() > 200  # … on light paper
        assert 0 <= box.x < box.x + box.width <= page.width
        assert 0 <= box.y < box.y + box.height <= page.height


def test_a_line_has_one_mark_however_its_words_are_drawn(
    reader: DocumentReader, tmp_path: Path
) -> None:
    """Some writers place every word, even every letter, by itself."""
    words = {50: "The", 110: "sea", 160: "is", 200: "a", 240: "narrow", 320: "place."}
    shown = "".join(f"1 0 0 1 {x} 700 Tm ({word}) Tj\n" for x, word in words.items())
    content = f"BT /F 20 Tf {shown} 1 0 0 1 50 600 Tm (Below.) Tj ET"
    path = tmp_path / "line.pdf"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 850] /Contents 5 0 R "
        "/Resources << /Font << /F 4 0 R >> >> >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
    ]
    path.write_bytes(files.assemble(objects))
    page = reader.draw(path, PictureRequest(0, 600, "The sea is a narrow place. Below."))
    first, second = page.boxes
    assert first.width > 300
    assert first.y + first.height < second.y


def test_characters_that_a_font_names_as_radicals_are_marked(
    reader: DocumentReader, tmp_path: Path
) -> None:
    """Fonts for all of East Asia have one picture for the radical ⺠ and for 民."""
    path = files.pdf(tmp_path / "contract.pdf", [["租金为每⽉⼈⺠币四万元。", "押金另付。"]])
    text = reader.read(path).pages[0].text
    assert text.startswith("租金为每月人民币四万元。")
    assert reader.draw(path, PictureRequest(0, 600, "租金为每月人民币四万元。")).boxes


def test_words_that_are_not_there_are_not_marked(reader: DocumentReader, pdf: Path) -> None:
    assert reader.draw(pdf, PictureRequest(0, 300, "nowhere to be found")).boxes == ()


def test_a_picture_is_never_larger_than_memory_allows(reader: DocumentReader, pdf: Path) -> None:
    page = reader.draw(pdf, PictureRequest(0, 1_000_000))
    assert page.width * page.height <= 1.01 * MAX_PIXELS


def test_pages_and_files_that_cannot_be_drawn(
    reader: DocumentReader, pdf: Path, tmp_path: Path
) -> None:
    text = tmp_path / "no.pdf"
    text.write_text("This is no PDF.")
    for path, index in ((pdf, 99), (pdf, -1), (text, 0), (tmp_path / "missing.pdf", 0)):
        with pytest.raises(DocumentError):
            reader.draw(path, PictureRequest(index, 300))
    assert reader.draw(pdf, PictureRequest(0, 300)).width == 300  # and the reader goes on


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"size": [2, 2], "pixels": "", "boxes": []},
        {"size": [10**6, 10**6], "pixels": "eJw=", "boxes": []},
        {"size": [1, 1], "pixels": "not base64!", "boxes": []},
        {"size": [1], "pixels": "eJw=", "boxes": []},
        {"size": [1, 1], "pixels": "eJxjYGBgAAAABAAB", "boxes": [["a", 1, 2, 3]]},
    ],
)
def test_what_is_no_picture_is_refused(content: object) -> None:
    with pytest.raises((ValueError, OverflowError)):
        picture_from_json(content)
