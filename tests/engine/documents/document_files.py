"""Writes small files of every format, with what real ones have in them."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

ZH = "深海鱼类能在黑暗中发光。科学家在一九八二年首次拍到了它们，随后展开了研究！"
EN = "The lighthouse was built in 1874. Its keeper, Mr. Gray, wrote a diary every night."
_XML = '<?xml version="1.0" encoding="UTF-8"?>'
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def pack(path: Path, members: Mapping[str, str | bytes]) -> Path:
    """Write an archive."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def repack(path: Path, members: Mapping[str, str | bytes]) -> Path:
    """Put other members into an archive."""
    with zipfile.ZipFile(path) as archive:
        old = {name: archive.read(name) for name in archive.namelist()}
    return pack(path, {**old, **members})


def links(**targets: str) -> str:
    """Return a part of relationships: id=kind:target."""
    items = "".join(
        f'<Relationship Id="{key}" Type="{_R}/{kind}" Target="{target}"/>'
        for key, (kind, _, target) in ((k, v.partition(":")) for k, v in targets.items())
    )
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'{_XML}<Relationships xmlns="{space}">{items}</Relationships>'


def paragraph(text: str, style: str = "") -> str:
    """Return a paragraph of Word in two runs, divided in its middle."""
    look = f'<w:pPr><w:tabs><w:tab/></w:tabs><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    half = len(text) // 2
    runs = "".join(
        f'<w:r><w:t xml:space="preserve">{escape(part)}</w:t></w:r>'
        for part in (text[:half], text[half:])
    )
    return f"<w:p>{look}{runs}</w:p>"


def table(*rows: tuple[str, ...]) -> str:
    """Return a table of Word."""
    cells = [
        "<w:tr>" + "".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) + "</w:tr>"
        for row in rows
    ]
    return f"<w:tbl>{''.join(cells)}</w:tbl>"


def docx(path: Path, body: str | None = None, main: str = "word/document.xml") -> Path:
    """Write a Word document with headings, a table, a footnote and tracked changes."""
    styles = (
        f'{_XML}<w:styles {_W}><w:style w:type="paragraph" w:styleId="2">'
        '<w:name w:val="heading 2"/></w:style><w:style w:styleId="mine"><w:basedOn w:val="2"/>'
        '</w:style><w:style w:type="paragraph" w:styleId="1"><w:name w:val="heading 1"/></w:style>'
        '<w:style w:styleId="loop"><w:basedOn w:val="loop"/></w:style></w:styles>'
    )
    text = body or (
        paragraph("深海", "1")
        + paragraph(ZH, "loop")
        + paragraph("Lighthouses", "mine")
        + paragraph(EN)
        + table(("Year", "Keeper"), ("1874", "Gray & Sons"))
        + "<w:p><w:del><w:r><w:delText>deleted</w:delText></w:r></w:del><w:ins><w:r><w:t>kept</w:t>"
        '</w:r></w:ins><w:r><w:noBreakHyphen/><w:t>word</w:t><w:footnoteReference w:id="2"/></w:r>'
        "<w:r><w:t>soft\u00adhyphen</w:t></w:r></w:p>"
    )
    notes = f'{_XML}<w:footnotes {_W}><w:footnote w:id="2">{paragraph("A note.")}</w:footnote>'
    return pack(
        path,
        {
            "[Content_Types].xml": f"{_XML}<Types/>",
            "_rels/.rels": links(a=f"officeDocument:{main}", b="core-properties:docProps/core.xml"),
            "docProps/core.xml": f'{_XML}<c xmlns:d="d"><d:title>On &amp; Off</d:title></c>',
            main: f"{_XML}<w:document {_W}><w:body>{text}</w:body></w:document>",
            main.replace("word/", "word/_rels/") + ".rels": links(
                a="styles:styles.xml", b="footnotes:footnotes.xml"
            ),
            "word/styles.xml": styles,
            "word/footnotes.xml": notes + "</w:footnotes>",
        },
    )


def pptx(path: Path) -> Path:
    """Write a presentation of two slides, shown in the other order than they are numbered."""

    def slide(title: str, text: str) -> str:
        return (
            f'{_XML}<p:sld xmlns:p="p" xmlns:a="a"><p:sp><p:nvPr><p:ph type="title"/></p:nvPr>'
            f"<a:p><a:r><a:t>{title}</a:t></a:r></a:p></p:sp><p:sp><a:p><a:r><a:t>{text}</a:t></a:r>"
            '</a:p></p:sp><p:sp><p:ph type="sldNum"/><a:p><a:t>7</a:t></a:p></p:sp>'
            "<a:tbl><a:tr><a:tc><a:p><a:t>甲</a:t></a:p></a:tc><a:tc><a:p><a:t>乙</a:t></a:p>"
            "</a:tc></a:tr></a:tbl></p:sld>"
        )

    shown = f'{_XML}<p:presentation xmlns:p="p" xmlns:r="{_R}"><p:sldIdLst>'
    return pack(
        path,
        {
            "_rels/.rels": links(a="officeDocument:ppt/presentation.xml"),
            "ppt/presentation.xml": shown
            + '<p:sldId id="1" r:id="b"/><p:sldId id="2" r:id="a"/></p:sldIdLst></p:presentation>',
            "ppt/_rels/presentation.xml.rels": links(
                a="slide:slides/slide1.xml", b="slide:slides/slide2.xml"
            ),
            "ppt/slides/slide1.xml": slide("灯塔", ZH),
            "ppt/slides/slide2.xml": slide("Opening", EN),
            "ppt/slides/_rels/slide2.xml.rels": links(a="notesSlide:../notesSlides/n.xml"),
            "ppt/notesSlides/n.xml": f'{_XML}<n xmlns:a="a"><sp><a:p><a:t>Say hello.'
            "</a:t></a:p></sp></n>",
        },
    )


def xlsx(path: Path) -> Path:
    """Write a workbook with shared and inline texts, a date, a share, a formula and a blank row."""
    sheet = (
        f'{_XML}<worksheet><sheetData><row><c t="s"><v>0</v></c><c t="s"><v>1</v></c></row><row/>'
        '<row><c s="1"><v>45000</v></c><c s="2"><v>0.125</v></c><c><f>1+1</f><v>2</v></c>'
        '<c t="inlineStr"><is><t>line_x000D_ end</t></is></c><c t="b"><v>1</v></c>'
        '<c t="s"><v>99</v></c></row></sheetData></worksheet>'
    )
    return pack(
        path,
        {
            "_rels/.rels": links(a="officeDocument:xl/workbook.xml"),
            "xl/workbook.xml": f'{_XML}<workbook xmlns:r="{_R}"><sheets>'
            '<sheet name="空表" r:id="z"/><sheet name="账目" r:id="a"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": links(
                a="worksheet:worksheets/one.xml", b="sharedStrings:strings.xml", c="styles:s.xml"
            ),
            "xl/worksheets/one.xml": sheet,
            "xl/strings.xml": f"{_XML}<sst><si><t>日期</t><rPh><t>riqi</t></rPh></si>"
            "<si><r><t>Sha</t></r><r><t>re</t></r></si></sst>",
            "xl/s.xml": f'{_XML}<styleSheet><numFmts><numFmt numFmtId="170" '
            'formatCode="yyyy&quot;年&quot;m"/></numFmts><cellXfs><xf numFmtId="0"/>'
            '<xf numFmtId="170"/><xf numFmtId="10"/></cellXfs></styleSheet>',
        },
    )


def odt(path: Path) -> Path:
    """Write an OpenDocument text."""
    content = (
        f'{_XML}<o xmlns:text="t" xmlns:table="b"><text:tracked-changes><text:p>gone</text:p>'
        '</text:tracked-changes><text:h text:outline-level="1">灯塔</text:h>'
        f"<text:p>{EN}<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>"
        f'Note.</text:p></text:note-body></text:note> More<text:s text:c="2"/>here.</text:p>'
        "<table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell>"
        "<table:table-cell><text:p>b</text:p></table:table-cell></table:table-row></table:table>"
        f"<text:p>{ZH}</text:p></o>"
    )
    meta = f'{_XML}<m xmlns:dc="d"><dc:title>On lights</dc:title></m>'
    return pack(
        path,
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": content,
            "meta.xml": meta,
            "META-INF/manifest.xml": f"{_XML}<m/>",
        },
    )


_ODF = " ".join(
    f'xmlns:{space}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for space, name in (
        ("office", "office"),
        ("table", "table"),
        ("text", "text"),
        ("draw", "drawing"),
        ("presentation", "presentation"),
        ("svg", "svg-compatible"),
    )
)


def open_document(path: Path, kind: str, body: str) -> Path:
    """Write an OpenDocument file of a kind such as "spreadsheet"."""
    return pack(
        path,
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": f"{_XML}<office:document-content {_ODF}><office:body>"
            f"<office:{kind}>{body}</office:{kind}></office:body></office:document-content>",
            "META-INF/manifest.xml": f"{_XML}<m/>",
        },
    )


def cell(text: str = "", attributes: str = "") -> str:
    """Return a cell of an OpenDocument table; attributes without their namespace."""
    named = " ".join(
        f"office:{one}" if "value" in one.partition("=")[0] else f"table:{one}"
        for one in attributes.split()
    )
    shown = f"<text:p>{escape(text)}</text:p>" if text else ""
    return f"<table:table-cell {named}>{shown}</table:table-cell>"


def ods(path: Path) -> Path:
    """Write a spreadsheet: a blank sheet, one with all that cells may be, another file's copy."""
    rest = cell(attributes='number-columns-repeated="16380"')
    covered = "<table:covered-table-cell><text:p>under it</text:p></table:covered-table-cell>"
    rows = [
        cell("日期") + cell("Share") + rest,
        cell("15.03.2023", 'value-type="date" date-value="2023-03-15"')
        + cell("12,5 %", 'value-type="percentage" value="0.125"')
        + cell(attributes='value-type="float" value="42"'),
        cell("wide", 'number-columns-spanned="2"') + covered + cell("x & y"),
        cell("a") + cell("3", 'number-columns-repeated="2"') + cell("b"),
        cell(attributes='value-type="string" string-value="said"'),
    ]
    row = "<table:table-row>{}</table:table-row>"
    sheet = (
        "<table:shapes><draw:frame><draw:text-box><text:p>A box.</text:p></draw:text-box>"
        "</draw:frame></table:shapes><table:table-column/><table:table-header-rows>"
        + row.format(rows[0])
        + "</table:table-header-rows>"
        + "".join(row.format(one) for one in rows[1:])
        + f'<table:table-row table:number-rows-repeated="2">{cell("same")}</table:table-row>'
        + f"<table:table-row>{cell(ZH)}</table:table-row>"
        + f'<table:table-row table:number-rows-repeated="1048560">{rest}</table:table-row>'
    )
    blank = f'<table:table-row table:number-rows-repeated="1048576">{rest}</table:table-row>'
    cached = f"<table:table-row>{cell('cached')}</table:table-row>"
    return open_document(
        path,
        "spreadsheet",
        "<table:content-validations><table:content-validation><table:error-message>"
        "<text:p>wrong</text:p></table:error-message></table:content-validation>"
        "</table:content-validations>"
        f'<table:table table:name="空表">{blank}</table:table>'
        f'<table:table table:name="账目">{sheet}</table:table>'
        f"""<table:table table:name="'file:///x.ods'#$one">{cached}</table:table>""",
    )


def odp(path: Path) -> Path:
    """Write a presentation of two slides with titles, lists, a table, a picture and notes."""

    def frame(name: str, text: str) -> str:
        return (
            f'<draw:frame presentation:class="{name}"><draw:text-box>{text}</draw:text-box>'
            "</draw:frame>"
        )

    def slide(number: int, title: str, text: str, notes: str) -> str:
        items = "".join(
            f"<text:list-item><text:p>{one}</text:p></text:list-item>" for one in ("first", text)
        )
        return (
            f'<draw:page draw:name="page{number}">'
            + frame("title", f"<text:p>{title}<text:line-break/>again</text:p>")
            + frame("outline", f"<text:list>{items}</text:list>")
            + "<draw:custom-shape><svg:title>drawn</svg:title><text:p>In a shape.</text:p>"
            "</draw:custom-shape><draw:frame><table:table><table:table-row>"
            + cell("甲")
            + cell("乙")
            + "</table:table-row></table:table><draw:image/><svg:desc>described</svg:desc>"
            "</draw:frame><presentation:notes><draw:page-thumbnail/>"
            + frame("notes", f"<text:p>{notes}</text:p>")
            + frame("page-number", "<text:p>77</text:p>")
            + "</presentation:notes></draw:page>"
        )

    return open_document(
        path,
        "presentation",
        '<presentation:footer-decl presentation:name="f">foot</presentation:footer-decl>'
        + slide(1, "Opening", EN, "Say hello.")
        + slide(2, "灯塔", ZH, ""),
    )


def epub(path: Path, encryption: str = "") -> Path:
    """Write a book of two chapters and a cover without text."""
    opf = (
        f'{_XML}<package xmlns:dc="d"><metadata><dc:title>两座灯塔</dc:title></metadata><manifest>'
        '<item id="c" href="text/cover.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="a" href="text/a%20b.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="b" href="text/two.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="c"/><itemref idref="a"/><itemref idref="b"/></spine></package>'
    )
    container = '<c><rootfiles><rootfile full-path="OEBPS/b.opf"/></rootfiles></c>'
    members = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": container,
        "OEBPS/b.opf": opf,
        "OEBPS/text/cover.xhtml": "<html><body><img src='x.png'/></body></html>",
        "OEBPS/text/a b.xhtml": f"<html><body><h1>第一章</h1><p>{ZH}</p></body></html>",
        "OEBPS/text/two.xhtml": f"<html><title>Two</title><body><p>{EN}</p></body></html>",
    }
    return pack(path, members | ({"META-INF/encryption.xml": encryption} if encryption else {}))


HTML = f"""<!doctype html><html><head><meta charset="utf-8"><title>灯塔 &amp; sea</title>
<style>p {{ color: red }}</style><script>if (a < b) alert("hidden")</script></head><body>
<nav><a href="/">menu</a></nav><h1>The <em>light</em>house</h1><p>{EN}</p><p>{ZH[:12]}
{ZH[12:]}</p><ul><li>first<li>second</ul><div hidden>never<div>shown</div></div>
<pre>def f():
    return 1</pre><table><tr><th>Year<th>Keeper<tr><td>1874<td>Gray</table>
<table><tr><td><h2>Arranged</h2>left</td><td>right<br>below</td></tr></table>
<![if !supportLists]>end&hellip;<![endif]></body></html>"""


def pdf(path: Path, pages: list[list[str]], *, picture: bool = False, extra: str = "") -> Path:
    """Write a PDF: lines of each page, with a font that names Unicode for every character."""
    letters = sorted({letter for lines in pages for line in lines for letter in line} | {"a"})
    codes = {letter: f"{number:04X}" for number, letter in enumerate(letters, 1)}
    names = "\n".join(
        f"<{code}> <{letter.encode('utf-16-be').hex()}>" for letter, code in codes.items()
    )
    unicode_map = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def "
        "1 begincodespacerange <0000> <FFFF> endcodespacerange "
        f"{len(codes)} beginbfchar\n{names}\nendbfchar endcmap end end"
    )
    objects = [
        "<< /Type /Catalog /Pages 2 0 R" + (" /Outlines 8 0 R" if extra else "") + " >>",
        "",  # the pages, when their numbers are known
        "<< /Type /Font /Subtype /Type0 /BaseFont /F /Encoding /Identity-H "
        "/DescendantFonts [4 0 R] /ToUnicode 6 0 R >>",
        "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /F /DW 1000 /FontDescriptor 5 0 R "
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>",
        "<< /Type /FontDescriptor /FontName /F /Flags 4 /Ascent 800 /Descent -200 "
        "/FontBBox [0 -200 1000 800] /ItalicAngle 0 /CapHeight 700 /StemV 80 >>",
        _stream(unicode_map),
        _stream(
            "\0" * 12,
            "/Type /XObject /Subtype /Image /Width 2 /Height 2 /BitsPerComponent 8 "
            "/ColorSpace /DeviceRGB ",
        ),
        extra or "null",
        "<< /Title (The Light) /Parent 8 0 R /Dest [10 0 R /Fit] >>",
    ]
    kids = []
    for lines in pages:
        shown = "".join(
            f"1 0 0 1 50 {780 - 20 * row} Tm <{''.join(codes[letter] for letter in line)}> Tj\n"
            for row, line in enumerate(lines)
        )
        drawn = "q 500 0 0 700 50 50 cm /I Do Q " if picture else ""
        kids.append(len(objects) + 1)
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 850] "
            f"/Contents {len(objects) + 2} 0 R "
            "/Resources << /Font << /F 3 0 R >> /XObject << /I 7 0 R >> >> >>"
        )
        objects.append(_stream(f"{drawn}BT /F 10 Tf {shown} ET"))
    listed = " ".join(f"{kid} 0 R" for kid in kids)
    objects[1] = f"<< /Type /Pages /Kids [{listed}] /Count {len(kids)} >>"
    path.write_bytes(assemble(objects))
    return path


def assemble(objects: list[str], trailer: str = "") -> bytes:
    """Return a PDF of objects that are numbered from 1."""
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{place:010} 00000 n \n".encode() for place in places)
    out += f"trailer << /Size {len(objects) + 1} /Root 1 0 R {trailer}>>\n".encode()
    return bytes(out + f"startxref\n{start}\n%%EOF".encode())


def _stream(content: str, entries: str = "") -> str:
    return f"<< {entries}/Length {len(content)} >>\nstream\n{content}\nendstream"


def every_format(folder: Path) -> list[Path]:
    """Write one good file of each format."""
    folder.mkdir(exist_ok=True)
    texts = {
        "page.html": HTML,
        "notes.md": f"---\ntitle: Notes\n---\n# One\n\n{EN}\n\n```py\nx = 1\n```\n"
        f"\n## Two\n\n{ZH}\n",
        "guide.rst": f"=====\nTitle\n=====\n\n{EN}\n\nPart\n----\n\n{ZH}\n\nSo::\n\n    x = 1\n",
        "story.txt": f"第一章 灯塔\n{ZH}\n第二章 夜\n{EN}\n",
        "table.csv": "year,keeper\n1874,Gray\n一九八二,张三\n",
        "code.py": "def one():\n    return 1\n\n\ndef two():\n    return 2\n",
    }
    files = [
        docx(folder / "word.docx"),
        pptx(folder / "slides.pptx"),
        xlsx(folder / "sheets.xlsx"),
        odt(folder / "open.odt"),
        ods(folder / "open.ods"),
        odp(folder / "open.odp"),
        epub(folder / "book.epub"),
        pdf(folder / "paper.pdf", [["The Light", EN[:33], ZH], ["second page", ZH]]),
    ]
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
        files.append(folder / name)
    return files
