"""Whether a file can be attached to a question, as far as its name and first bytes say."""

from pathlib import Path
from typing import Final

from engine.documents.reading.encoding import decode
from engine.documents.reading.kinds import kind_of
from engine.documents.reading.opening import open_file
from engine.errors import DocumentError

_LOOKED_AT: Final = 20_000
"""Bytes; enough to tell a text from what is none."""
_NO_TEXTS: Final = ("pdf", "docx", "pptx", "xlsx", "odt", "epub")


def check_attached(path: Path) -> None:
    """Raise DocumentError, with the file's name, where a look is enough to refuse it.

    Nothing is taken apart here: that is done where no file can do harm, when the question is
    asked, and may still fail.
    """
    try:
        with open_file(path) as (file, _size):
            start = file.read(_LOOKED_AT)
            file.seek(0)
            if not start.startswith(b"PK") and kind_of(file, path.name) not in _NO_TEXTS:
                decode(start)
    except DocumentError as error:
        raise naming(path, error) from error


def naming(path: Path, error: DocumentError) -> DocumentError:
    """Return the error with the file's name before it."""
    return DocumentError("{name}: {reason}", name=path.name, reason=error, code=error.code)
