"""Copies of a file from before a new version changes what is in it; the newest few are kept."""

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

KEEP_BACKUPS = 3
_STALE_SECONDS = 3600.0


def back_up(connection: sqlite3.Connection, path: Path, version: int) -> Path:
    """Copy the database at `path`, open as `connection`, into backups/ beside it; return the copy.

    `version` is that of its tables. Copies beyond the newest KEEP_BACKUPS are removed. Raises
    sqlite3.Error or OSError, with no copy left behind, if there is no room for it.
    """
    with _new_copy(path, version) as part, closing(sqlite3.connect(part)) as copy:
        connection.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, whole without a log
    return _newest(path)


def back_up_file(path: Path, version: int) -> Path:
    """Do the same with a plain file. Raises OSError."""
    with _new_copy(path, version) as part:
        shutil.copyfile(path, part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
    return _newest(path)


@contextmanager
def _new_copy(path: Path, version: int) -> Iterator[Path]:
    """Yield a private file to copy to, which becomes the newest copy; old ones are removed."""
    folder = path.parent / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    target = folder / f"{path.stem}-v{version}-{stamp}{path.suffix}"
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield part
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    for old in _copies(path)[:-KEEP_BACKUPS]:
        old.unlink(missing_ok=True)
    # What a copy was that its process did not survive; another process may be copying just now.
    for left in folder.glob(f"{path.stem}-v*.part"):
        if left.stat().st_mtime < time.time() - _STALE_SECONDS:
            left.unlink(missing_ok=True)


def _newest(path: Path) -> Path:
    return _copies(path)[-1]


def _copies(path: Path) -> list[Path]:
    """Return the copies of a file, the oldest first."""
    return sorted((path.parent / "backups").glob(f"{path.stem}-v*{path.suffix}"), key=_written)


def _written(path: Path) -> tuple[int, str]:
    return path.stat().st_mtime_ns, path.name
