"""Writing large files: what can go wrong is said in one sentence, nothing half-written stays."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import DataError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failure to write `path` (a full disk, a folder without permission) into DataError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise DataError(
            "{path} cannot be written ({reason}); run the command again when that is solved:"
            " what is finished is kept.",
            path=path,
            reason=error.strerror or error,
        ) from error


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside `path` that becomes `path` when all went well."""
    beside = path.with_name(f".{path.name}.tmp")
    shutil.rmtree(beside, ignore_errors=True)
    with writing(path):
        beside.mkdir(parents=True)
        yield beside
        beside.rename(path)


def check_free_space(path: Path, bytes_needed: int) -> None:
    """Raise DataError if the disk of `path`, whose folder exists, has not so many bytes left."""
    free = shutil.disk_usage(path.parent).free
    if free < bytes_needed:
        raise DataError(
            "{path} needs {needed:.1f} GB, but only {free:.1f} GB of the disk are free.",
            path=path,
            needed=bytes_needed / 1e9,
            free=free / 1e9,
        )
