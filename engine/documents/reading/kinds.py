"""Which reader a file is for: by its content where that says so, else by its name."""

import re
import zipfile
from pathlib import PurePath
from typing import BinaryIO

from engine.documents.document import Kind
from engine.documents.failures import failure
from engine.documents.reading.archive import DAMAGES
from engine.documents.reading.words import words

_BY_SUFFIX: dict[str, Kind] = {
    ".pdf": "pdf",
    ".docx": "docx",
    ".docm": "docx",
    ".dotx": "docx",
    ".pptx": "pptx",
    ".pptm": "pptx",
    ".ppsx": "pptx",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".odt": "odt",
    ".ott": "odt",
    ".ods": "odt",
    ".ots": "odt",
    ".odp": "odt",
    ".otp": "odt",
    ".epub": "epub",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".md": "markdown",
    ".markdown": "markdown",
    ".rst": "rst",
    ".txt": "text",
    ".text": "text",
    ".log": "text",
    ".csv": "csv",
    ".tsv": "csv",
}
_CODE = words(
    ".asm .bash .bat .bib .c .cc .cfg .clj .cmake .conf .cpp .cs .css .cu .cxx .dart .el "
    ".ex .exs .f90 .fs .go .gradle .groovy .h .hpp .hs .hxx .ini .ipynb .java .jl .js "
    ".json .jsonl .jsx .kt .kts .less .lisp .lua .m .mjs .ml .mm .nim .pas .php .pl .pm "
    ".proto .ps1 .py .pyi .pyx .r .rb .rs .scala .scss .sh .sol .sql .swift .tcl .tex "
    ".toml .ts .tsx .v .vb .vhdl .vim .vue .xml .yaml .yml .zig .zsh"
)
_BY_NAME: dict[str, Kind] = {
    "dockerfile": "code",
    "makefile": "code",
    "cmakelists.txt": "code",
    "readme": "text",
    "license": "text",
    "licence": "text",
    "copying": "text",
    "changelog": "text",
    "authors": "text",
}
_OLD_OFFICE = words(".doc .dot .ppt .pps .pot .xls .xlt .rtf")
"""What office programs wrote before: named in folders, so that people learn what to do."""
_START = 1024
"""Bytes within which a PDF's mark must stand."""
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_RTF = b"{\\rtf"
_ENCRYPTED_OFFICE = "EncryptedPackage".encode("utf-16-le")
_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b", re.I | re.S
)
_OFFICE_PARTS: list[tuple[str, Kind]] = [("word/", "docx"), ("ppt/", "pptx"), ("xl/", "xlsx")]


def kind_by_name(name: str) -> Kind | None:
    """Return what a file should be by its name; None for files that folders hold beside texts."""
    path = PurePath(name)
    suffix = path.suffix.lower()
    known = _BY_NAME.get(path.name.lower()) or _BY_SUFFIX.get(suffix)
    return "code" if known is None and suffix in _CODE else known


def may_be_document(name: str) -> bool:
    """Return whether a file by that name is one to read, or to say why it cannot be read."""
    return kind_by_name(name) is not None or _is_old_office(name)


def taken_suffixes() -> tuple[str, ...]:
    """Return the endings, each with its dot, of the files that `may_be_document`."""
    return (*_BY_SUFFIX, *_CODE, *_OLD_OFFICE)


def _is_old_office(name: str) -> bool:
    return PurePath(name).suffix.lower() in _OLD_OFFICE


def kind_of(file: BinaryIO, name: str) -> Kind:
    """Return what an open file is; its position is put back to the start.

    Raises DocumentError where it is none of ours, or encrypted as a whole.
    """
    start = file.read(_START)
    file.seek(0)
    if b"%PDF-" in start:
        return "pdf"
    if start.startswith(b"PK\x03\x04"):
        kind = _kind_of_archive(file)
        file.seek(0)
        return kind
    if start.startswith(_OLE):
        if _ENCRYPTED_OFFICE in file.read(1 << 20):
            raise failure("encrypted")
        raise failure("old_office" if _is_old_office(name) else "unknown_kind")
    if start.startswith(_RTF):
        raise failure("old_office")
    named = kind_by_name(name)
    if named in ("pdf", "docx", "pptx", "xlsx", "odt", "epub"):
        raise failure("damaged")
    if named in (None, "text") and _HTML.match(start):
        return "html"
    return named or "text"


def _kind_of_archive(file: BinaryIO) -> Kind:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            if "mimetype" in names:
                with archive.open("mimetype") as member:
                    mimetype = member.read(100).strip()
                if mimetype.startswith(b"application/vnd.oasis.opendocument."):
                    return "odt"
                if mimetype == b"application/epub+zip":
                    return "epub"
    except DAMAGES as error:
        raise failure("damaged") from error
    for folder, kind in _OFFICE_PARTS:
        if any(name.startswith(folder) for name in names):
            return kind
    if "META-INF/container.xml" in names:
        return "epub"
    if "content.xml" in names and "META-INF/manifest.xml" in names:
        return "odt"
    raise failure("unknown_kind")
