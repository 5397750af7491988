"""Files of the user's own: written as a whole or not at all, readable by nobody else."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STALE_SECONDS = 3600.0


def write_private(path: Path, text: str) -> None:
    """Replace the file at `path`, whose folder must exist, in one step. Raises OSError."""
    path = path.resolve()  # a link stays a link
    with _whole(path, text) as temporary:
        temporary.replace(path)


def create_private(path: Path, text: str) -> None:
    """Make the file at `path` in one step: of several that try at once, the first succeeds.

    Its folder must exist. Raises FileExistsError if it is there already, and OSError.
    """
    with _whole(path, text) as temporary:
        if os.name == "posix":
            path.hardlink_to(temporary)
        else:
            temporary.rename(path)  # replaces nothing there


@contextmanager
def _whole(path: Path, text: str) -> Iterator[Path]:
    """Give a file beside `path` that is all on the disk, and remove it if it is left there."""
    _sweep(path)
    number, name = tempfile.mkstemp(prefix=f".{path.name}.{os.getpid()}.", dir=path.parent)
    temporary = Path(name)  # of mode 0600
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    """Remove what processes left that did not live to finish; others may be at it just now."""
    prefix = f".{path.name}."
    for left in path.parent.iterdir():
        if left.name.startswith(prefix):
            pid = left.name.removeprefix(prefix).partition(".")[0]
            if pid.isdecimal() and not _may_write(int(pid), left):
                left.unlink(missing_ok=True)


def _may_write(pid: int, file: Path) -> bool:
    """Tell whether the process that began a file may still be at it."""
    try:
        if os.name != "posix":  # asking for a process by signal would end it there
            return file.stat().st_mtime > time.time() - _STALE_SECONDS
        os.kill(pid, 0)
    except (ProcessLookupError, FileNotFoundError, OverflowError):
        return False
    except PermissionError:
        return True  # it is another user's
    return True
