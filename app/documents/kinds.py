"""Which files can be asked: for the window's drag and drop."""

from engine.documents.reading.kinds import taken_suffixes
from engine.i18n import tr

DOCUMENT_SUFFIXES = (*taken_suffixes(), "")
"""The last stands for folders, and for files without an ending, which are tried."""


def document_kinds() -> str:
    """Name the kinds of documents, for a sentence."""
    return tr("documents (PDF, Word, PowerPoint, Excel, OpenDocument, EPUB, HTML, text, code)")
