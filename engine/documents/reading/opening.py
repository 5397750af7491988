"""Opens a file without being caught by what only looks like one."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from engine.documents.failures import failure
from engine.documents.reading.limits import MAX_FILE_BYTES
from engine.errors import DocumentError


@contextmanager
def open_file(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """Yield the file and its size in bytes.

    Raises DocumentError if it is not a regular file (opening a pipe would wait for ever), cannot
    be read, is empty or too large.
    """
    try:
        file = _open(path)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        raise _unreadable(error) from error
    with file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise failure("not_a_file")
        if status.st_size == 0:
            raise failure("empty")
        if status.st_size > MAX_FILE_BYTES:
            raise failure("too_large")
        try:
            yield file, status.st_size
        except OSError as error:
            if error.errno == errno.EINVAL:  # it names a place before its own beginning
                raise failure("damaged") from error
            raise _unreadable(error) from error


def _open(path: Path) -> BinaryIO:
    """Open without waiting; what it is gets asked of the open file, so that none can swap it."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    # Opening alone does something to some devices.
    if not stat.S_ISREG(path.stat().st_mode):
        raise failure("not_a_file")
    return os.fdopen(os.open(path, flags | getattr(os, "O_NOCTTY", 0)), "rb")


def _unreadable(error: Exception) -> DocumentError:
    return failure("unreadable", getattr(error, "strerror", None) or str(error))
