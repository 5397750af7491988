"""What a file of conversations may cost, and the errors that say so."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from engine.errors import DataError

MAX_CONVERSATION_BYTES = 64 << 20
"""So much of a file is read, at most, before a conversation in it ends."""
MAX_CONVERSATION_VALUES = 1_000_000
"""Numbers, strings, lists and objects of one conversation."""
MAX_DEPTH = 64
MAX_SECONDS = 253_402_300_799.0
"""The last second of the year 9999, since 1970."""


def not_valid(path: Path) -> DataError:
    """Return the error of a file that cannot even be parsed."""
    return DataError(
        "{path} is not valid JSON or UTF-8 text, or was cut off. Nothing was imported.", path=path
    )


def not_conversations(path: Path) -> DataError:
    """Return the error of a file of another kind."""
    return DataError(
        "{path} holds no conversations. Files of GEB Chat (JSON or Markdown) and ChatGPT's "
        "conversations.json can be imported.",
        path=path,
    )


def damaged(path: Path) -> DataError:
    """Return the error of a conversation that lacks something, or contradicts itself."""
    return DataError("A conversation in {path} is damaged. Nothing was imported.", path=path)


def too_large(path: Path) -> DataError:
    """Return the error of a conversation beyond the limits."""
    return DataError(
        "{path} holds a conversation that is far too large to be one. Nothing was imported.",
        path=path,
    )


class MeteredFile:
    """Reads a file, but never more than a conversation's worth of it between two `rewind_meter`.

    `on_progress` hears how many bytes have been read.
    """

    def __init__(self, path: Path, file: BinaryIO, on_progress: Callable[[int], None]) -> None:
        self._path, self._file, self._on_progress = path, file, on_progress
        self._position = self._metered = 0

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes. Raises DataError beyond the limit."""
        return self._count(self._file.read(size))

    def readline(self) -> bytes:
        """Return one line. Raises DataError beyond the limit."""
        return self._count(self._file.readline(MAX_CONVERSATION_BYTES + 1))

    def rewind_meter(self) -> None:
        """Begin to count anew: a conversation is complete."""
        self._metered = 0

    def _count(self, data: bytes) -> bytes:
        self._position += len(data)
        self._metered += len(data)
        if self._metered > MAX_CONVERSATION_BYTES:
            raise too_large(self._path)
        self._on_progress(self._position)
        return data
