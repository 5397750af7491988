"""Copies of a database from before its tables are changed; the newest few are kept."""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

KEEP_BACKUPS = 3


def back_up(connection: sqlite3.Connection, path: Path, version: int) -> Path:
    """Copy the database at `path`, open as `connection`, into backups/ beside it; return the copy.

    `version` is that of its tables. Copies beyond the newest KEEP_BACKUPS are removed. Raises
    sqlite3.Error or OSError, with no copy left behind, if there is no room for it.
    """
    folder = path.parent / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    target = folder / f"{path.stem}-v{version}-{stamp}{path.suffix}"
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with closing(sqlite3.connect(part)) as copy:
            connection.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, whole without a log
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    for old in sorted(folder.glob(f"{path.stem}-v*{path.suffix}"), key=_written)[:-KEEP_BACKUPS]:
        old.unlink()
    return target


def _written(path: Path) -> tuple[int, str]:
    return path.stat().st_mtime_ns, path.name
