"""Deletes everything that GEB Chat keeps of a person: conversations, documents' index, settings.

The documents themselves and the application are not touched.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from engine.errors import StoreError
from engine.paths import cache_dir, config_dir, data_dir, log_dir


@dataclass(frozen=True)
class Kept:
    """One of the application's folders, and how much is in it."""

    folder: Path
    files: int
    size_bytes: int


def everything() -> list[Kept]:
    """Return the folders in which anything is kept. Raises StoreError if one cannot be read."""
    folders = dict.fromkeys((data_dir(), config_dir(), cache_dir(), log_dir()))
    kept = [_measure(folder) for folder in folders]
    return [one for one in kept if one.files]


def erase_everything() -> list[Kept]:
    """Delete it all and return what was deleted; close stores and models first.

    Raises StoreError with the first thing that cannot be deleted; what comes after stays.
    """
    kept = everything()
    for one in kept:
        try:
            for path in one.folder.iterdir():
                # A link is removed, never what it leads to.
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()
        except OSError as error:
            raise StoreError(
                "{path} cannot be deleted: {detail}. Delete it yourself.",
                path=error.filename or one.folder,
                detail=error.strerror,
            ) from error
    return kept


def _measure(folder: Path) -> Kept:
    try:
        files = [p for p in folder.rglob("*") if p.is_symlink() or p.is_file()]
        return Kept(folder, len(files), sum(path.lstat().st_size for path in files))
    except OSError as error:
        raise StoreError(
            "The folder {path} cannot be read: {detail}.", path=folder, detail=error.strerror
        ) from error
