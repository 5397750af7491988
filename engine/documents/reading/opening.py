"""Opens a file without being caught by what only looks like one."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from engine.documents.failures import failure
from engine.documents.reading.limits import MAX_FILE_BYTES


@contextmanager
def open_file(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """Yield the file and its size in bytes.

    Raises DocumentError if it is not a regular file (opening a pipe would wait for ever), cannot
    be read, is empty or too large.
    """
    try:
        # Without waiting; what it is gets asked of the open file, so that nobody can swap it.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        if not stat.S_ISREG(path.stat().st_mode):
            raise failure("not_a_file")
        descriptor = os.open(path, flags | getattr(os, "O_NOCTTY", 0))
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise failure("not_a_file")
            if status.st_size == 0:
                raise failure("empty")
            if status.st_size > MAX_FILE_BYTES:
                raise failure("too_large")
            yield file, status.st_size
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        detail = error.strerror if isinstance(error, OSError) else None
        raise failure("unreadable", detail or str(error)) from error
