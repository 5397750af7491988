"""The log on the disk: for its owner only, and of errors what report.py tells, not their words.

The words of an exception may quote a message or a document; whoever is asked for the log should
be able to give it away unread.
"""

import logging
import os
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import Final

from app.errors.report import describe

_BYTES: Final = 1_000_000
_FILES: Final = 3
_FORM: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class LogFile(RotatingFileHandler):
    """Writes to `path` as soon as there is something to write; keeps a few former files."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=_BYTES, backupCount=_FILES, encoding="utf-8", delay=True)
        self.setFormatter(_Formatter(_FORM))

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", opener=_open_private)


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        kept, record.exc_text = record.exc_text, None  # what another handler made of the error
        try:
            return super().format(record)
        finally:
            record.exc_text = kept

    def formatException(self, ei: _ExcInfo) -> str:
        return "" if ei[1] is None else "\n".join(describe(ei[1]))


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
