"""Files of every format become text with exact positions, and failures become a sentence."""

import os
from collections.abc import Callable
from pathlib import Path

import document_files as files
import pytest
from document_files import EN, ZH

from engine.documents.document import Document
from engine.documents.reading.encoding import decode
from engine.documents.reading.kinds import kind_by_name, may_be_document
from engine.documents.reading.read import read_document
from engine.documents.reading.squeezed import Squeezed
from engine.errors import DocumentError


def _text(document: Document) -> str:
    return "\n".join(page.text for page in document.pages)


def _titles(document: Document) -> list[tuple[int, str]]:
    return [(heading.level, heading.text) for heading in document.headings]


def _blocks(document: Document) -> list[str]:
    return [document.pages[b.page_index].text[b.start : b.end] for b in document.blocks]


def _code(path: Path) -> str:
    with pytest.raises(DocumentError) as caught:
        read_document(path)
    assert str(caught.value).endswith(".")
    return caught.value.code


def test_every_format_gives_its_sentences(tmp_path: Path) -> None:
    for path in files.every_format(tmp_path / "all"):
        document = read_document(path)
        text = _text(document)
        assert path.suffix == ".py" or path.suffix in (".csv", ".xlsx") or ZH in text, path
        assert kind_by_name(path.name) == document.kind
        for heading in document.headings:
            found = document.pages[heading.page_index].text[heading.start :]
            assert Squeezed(found[:60]).find(heading.text) is not None, path


def test_word_documents(tmp_path: Path) -> None:
    document = read_document(files.docx(tmp_path / "a.docx"))
    assert document.title == "On & Off"
    assert _titles(document) == [(1, "深海"), (2, "Lighthouses")]
    assert _blocks(document) == ["Year\tKeeper\n1874\tGray & Sons"]
    text = _text(document)
    assert "deleted" not in text
    assert "kept-wordsofthyphen" in text
    assert text.endswith("A note.")
    # Some programs give the main part another name.
    other = read_document(files.docx(tmp_path / "b.docx", main="word/document2.xml"))
    assert _text(other) == text


def test_presentations_follow_the_order_of_the_show(tmp_path: Path) -> None:
    document = read_document(files.pptx(tmp_path / "a.pptx"))
    assert [(page.number, page.label) for page in document.pages] == [(1, "Opening"), (2, "灯塔")]
    assert document.pages[0].text.endswith("Say hello.")
    assert "7" not in document.pages[1].text
    assert _blocks(document) == ["甲\t乙", "甲\t乙"]


def test_workbooks_show_dates_shares_and_results(tmp_path: Path) -> None:
    document = read_document(files.xlsx(tmp_path / "a.xlsx"))
    assert [(page.number, page.label) for page in document.pages] == [(1, "空表"), (2, "账目")]
    assert document.pages[1].text == "日期\tShare\n2023-03-15\t12.5%\t2\tline end\tTRUE"


def test_open_spreadsheets_have_a_page_for_each_sheet(tmp_path: Path) -> None:
    document = read_document(files.ods(tmp_path / "a.ods"))
    assert [(page.number, page.label) for page in document.pages] == [(1, "空表"), (2, "账目")]
    rows = [
        "日期\tShare",
        "15.03.2023\t12,5 %\t42",
        "wide\tx & y",
        "a\t3\t3\tb",
        "said",
        "same",
        "same",
        ZH,
    ]
    assert _blocks(document) == ["\n".join(rows)]
    assert document.pages[1].text == "A box.\n\n" + "\n".join(rows)


def test_open_presentations_have_a_page_for_each_slide(tmp_path: Path) -> None:
    document = read_document(files.odp(tmp_path / "a.odp"))
    assert [(page.number, page.label) for page in document.pages] == [
        (1, "Opening again"),
        (2, "灯塔 again"),
    ]
    assert _titles(document) == [(1, "Opening again"), (1, "灯塔 again")]
    assert document.pages[0].text == (
        f"Opening again\n\nfirst\n\n{EN}\n\nIn a shape.\n\n甲\t乙\n\nSay hello."
    )
    assert document.pages[1].text.endswith("甲\t乙")


def test_repeated_cells_are_no_bomb(tmp_path: Path) -> None:
    """A few bytes may stand for a thousand million cells."""
    many = 'number-columns-repeated="99999999"'
    row = f'<table:table-row table:number-rows-repeated="99999999">{files.cell("x" * 99, many)}'
    sheet = f"<table:table>{row}</table:table-row></table:table>"
    assert _code(files.open_document(tmp_path / "a.ods", "spreadsheet", sheet)) == "too_large"
    few = sheet.replace("x" * 99, "x").replace('rows-repeated="99999999"', 'rows-repeated="2"')
    document = read_document(files.open_document(tmp_path / "b.ods", "spreadsheet", few))
    assert document.pages[0].text == "\n".join(["\t".join("x" * 1000)] * 2)


def test_open_documents_and_books(tmp_path: Path) -> None:
    document = read_document(files.odt(tmp_path / "a.odt"))
    assert document.title == "On lights"
    assert "gone" not in _text(document)
    assert "More  here." in _text(document)
    book = read_document(files.epub(tmp_path / "a.epub"))
    assert (book.title, [page.label for page in book.pages]) == ("两座灯塔", ["", "第一章", "Two"])
    assert [page.number for page in book.pages] == [1, 2, 3]
    locked = '<e><CipherReference URI="OEBPS/text/two.xhtml"/></e>'
    assert _code(files.epub(tmp_path / "b.epub", locked)) == "encrypted"


def test_web_pages_as_a_reader_sees_them(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text(files.HTML, encoding="utf-8")
    document = read_document(path)
    text = _text(document)
    assert document.title == "灯塔 & sea"
    assert _titles(document) == [(1, "The lighthouse"), (2, "Arranged")]
    assert _blocks(document) == ["def f():\n    return 1", "Year\tKeeper\n1874\tGray"]
    assert not [word for word in ("hidden", "menu", "never", "shown", "color") if word in text]
    assert "first\nsecond\n\n" in text
    assert "right\nbelow" in text
    assert text.endswith("end…")


def test_markdown_and_code_keep_the_offsets_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    content = f"# A *b* #\r\n\r\n{ZH}\r\n\r\n```\r\n# no heading\r\n```\r\n"
    content += "Two\r\n---\r\n\r\na|b\r\n-|-\r\n1|2\r\n"
    path.write_bytes(content.encode())
    document = read_document(path)
    assert document.pages[0].text == content
    assert _titles(document) == [(1, "A b")]
    assert [block.kind for block in document.blocks] == ["code", "table"]
    assert _blocks(document)[1] == "a|b\r\n-|-\r\n1|2\r\n"


def test_comments_are_not_read(tmp_path: Path) -> None:
    markdown, page = tmp_path / "a.md", tmp_path / "a.html"
    note = '<!-- geb-chat message {"secret": "no `tick`"} -->'
    shown = f"# Tower\r\n\r\n```html\r\n{note}\r\n```\r\n\r\nWrite `<!-- x -->` so: "
    end = "and <!-- is no comment alone."
    markdown.write_bytes(f"{note}\r\n{shown}A<!-- secret\r\n\r\n# No -->B<!-->C {end}".encode())
    document = read_document(markdown)
    assert document.pages[0].text == f"\r\n{shown}ABC {end}"
    assert _titles(document) == [(1, "Tower")]
    assert _blocks(document)[0].startswith("```html\r\n<!-- geb-chat")
    markdown.write_text("Seen\n<!-- secret", encoding="utf-8")
    assert read_document(markdown).pages[0].text == "Seen\n"
    markdown.write_text(note, encoding="utf-8")
    with pytest.raises(DocumentError, match="empty"):
        read_document(markdown)
    page.write_text("<p>A<!-- secret --!>B<!-->C</p><p>D<!-- <b>secret</b> <p>E", encoding="utf-8")
    assert read_document(page).pages[0].text == "ABC\n\nD"


def test_pdf_text_flows(tmp_path: Path) -> None:
    head = [f"Journal of Lights {number}" for number in range(4)]
    half = len(ZH) // 2
    pages = [
        [
            head[number],
            ZH[:half],
            ZH[half:] + "末",
            "An exam-",
            "ple of ﬁne ⻛ words 𠮷.",
            f"- {number} -",
        ]
        for number in range(4)
    ]
    document = read_document(files.pdf(tmp_path / "a.pdf", pages))
    assert [page.number for page in document.pages] == [1, 2, 3, 4]
    for page in document.pages:
        assert ZH in page.text, page.text
        assert "example of fine 风 words 𠮷." in page.text
        assert "Journal" not in page.text
        assert not page.text.rstrip().endswith("-")


def test_a_letter_that_a_pdf_does_not_name_leaves_a_gap(tmp_path: Path) -> None:
    """Some writers do not say which characters their digits are: "36 months" is not "months"."""
    path = files.pdf(tmp_path / "gap.pdf", [["The warranty ends after \x1e\x1f months."]])
    [page] = read_document(path).pages
    assert page.text == "The warranty ends after \ufffd\ufffd months."
    # It is found on the page all the same, to be marked there.
    assert Squeezed("The warranty ends after \x1e\x1f months.").find(page.text) == (0, 34)


def test_the_outline_of_a_pdf_gives_headings(tmp_path: Path) -> None:
    outline = "<< /Type /Outlines /First 9 0 R /Last 9 0 R /Count 1 >>"
    pages = [["Before it.", "The  Light", EN]]
    path = files.pdf(tmp_path / "a.pdf", pages, extra=outline)
    path.write_bytes(path.read_bytes().replace(b"/Parent 8 0 R", b"/Parent 7 0 R"))
    document = read_document(path)
    assert _titles(document) == [(1, "The Light")]
    assert document.pages[0].text[document.headings[0].start :].startswith("The")


def test_scans_and_locked_files_are_named(tmp_path: Path) -> None:
    assert _code(files.pdf(tmp_path / "scan.pdf", [[], ["1"]], picture=True)) == "no_text"
    assert _code(files.pdf(tmp_path / "blank.pdf", [[], []])) == "empty"
    assert _code(files.pdf(tmp_path / "garbled.pdf", [["\ue001\ue002\ue003" * 9]])) == "garbled"
    locked = tmp_path / "locked.docx"
    locked.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"))
    assert _code(locked) == "encrypted"
    plain = files.pdf(tmp_path / "a.pdf", [["some text"]]).read_bytes()
    key = b"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <" + b"41" * 32 + b"> /U <"
    locked_pdf = plain.replace(b"/Root", key + b"42" * 32 + b"> >> /ID [<00> <00>] /Root")
    (tmp_path / "locked.pdf").write_bytes(locked_pdf)
    assert _code(tmp_path / "locked.pdf") == "encrypted"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.txt", b"", "empty"),
        ("a.txt", b" \n\t ", "empty"),
        ("a.txt", b"\x7fELF\0\0\1\2" * 20, "unknown_kind"),
        ("a.docx", b"not an archive", "damaged"),
        ("a.pdf", b"%PDF-1.7 nothing follows", "damaged"),
        ("a.zip", b"PK\3\4" + b"x" * 90, "damaged"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"WordDocument", "old_office"),
        ("a.msi", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"anything", "unknown_kind"),
        ("b.doc", b"{\\rtf1\\ansi words}", "old_office"),
        ("a.ods", b"not an archive", "damaged"),
    ],
)
def test_other_failures(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert _code(tmp_path / name) == code


def test_what_is_no_file(tmp_path: Path) -> None:
    assert _code(tmp_path / "missing.txt") == "unreadable"
    assert _code(tmp_path) == "not_a_file"
    (tmp_path / "loop.txt").symlink_to(tmp_path / "loop.txt")
    assert _code(tmp_path / "loop.txt") == "unreadable"
    os.mkfifo(tmp_path / "pipe.txt")
    assert _code(tmp_path / "pipe.txt") == "not_a_file"
    assert _code(Path("/dev/zero")) == "not_a_file"
    with (tmp_path / "sparse.txt").open("wb") as file:
        file.truncate(10 << 30)
    assert _code(tmp_path / "sparse.txt") == "too_large"


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    files.docx(tmp_path / "a.docx").rename(tmp_path / "a.bin")
    assert read_document(tmp_path / "a.bin").kind == "docx"
    (tmp_path / "page.txt").write_text(files.HTML, encoding="utf-8")
    assert read_document(tmp_path / "page.txt").kind == "html"
    files.ods(tmp_path / "a.ods").rename(tmp_path / "sheet")
    assert read_document(tmp_path / "sheet").pages[1].label == "账目"
    assert [kind_by_name(f"A.{end}") for end in ("ODS", "ots", "odp", "otp")] == ["odt"] * 4
    # Programs write web pages under the old names, too.
    (tmp_path / "export.xls").write_text(files.HTML, encoding="utf-8")
    assert read_document(tmp_path / "export.xls").kind == "html"
    assert kind_by_name("photo.jpeg") is None
    assert [may_be_document(name) for name in ("a.ods", "a.doc", "a.jpeg")] == [True, True, False]


_DECODED: list[tuple[str, Callable[[str], bytes]]] = [
    ("utf-8", lambda text: text.encode()),
    ("utf-8 with mark", lambda text: text.encode("utf-8-sig")),
    ("utf-16 with mark", lambda text: text.encode("utf-16")),
    ("utf-16-le", lambda text: text.encode("utf-16-le")),
    ("utf-16-be", lambda text: text.encode("utf-16-be")),
    ("gb18030", lambda text: text.encode("gb18030")),
]


@pytest.mark.parametrize("text", [ZH, f"{EN}\r\n{ZH}", "灯塔在海边。", f"{EN} — “é”"])
@pytest.mark.parametrize(("name", "encode"), _DECODED)
def test_encodings(name: str, encode: Callable[[str], bytes], text: str) -> None:
    if name == "gb18030" and "é" in text:
        pytest.skip("one sign of Chinese among Latin letters may be either")
    assert decode(encode(text)) == text


def test_other_encodings() -> None:
    traditional = "燈塔在海邊，守塔的人每天晚上都會寫日記。"
    assert decode(traditional.encode("big5")) == traditional
    assert decode("Äpfel und Öl für das Café.".encode("cp1252")) == "Äpfel und Öl für das Café."
    assert decode("привет, мир".encode("koi8-r"), "KOI8-R") == "привет, мир"
    # One spoilt byte does not make another encoding of it.
    assert decode(ZH.encode() * 9 + b"\xff") == ZH * 9 + "\ufffd"


def test_squeezed_text_finds_the_nearest_place() -> None:
    text = "a light house, a light-\nhouse, one ﬁnd"
    squeezed = Squeezed(text)
    assert squeezed.find("lighthouse") == (2, 13)
    found = squeezed.find("Light House", near=20)
    assert found is not None
    assert text[slice(*found)] == "light-\nhouse"
    assert squeezed.find("find") == (len(text) - 3, len(text))
    assert squeezed.find("dark") is None
