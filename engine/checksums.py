"""SHA256SUMS of a model folder: checked in full once, then remembered by size and time stamp."""

import hashlib
import json
import logging
import re
from pathlib import Path

from engine.errors import BundleError, StoreError
from engine.inside import is_inside
from engine.paths import cache_dir
from engine.private_file import write_private

SUMS_NAME = "SHA256SUMS"
OWN_SUMS_NAME = "geb-checksums"
"""Sums that this computer wrote when it added a folder without any: they show changes, and
sign nothing."""

_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")
_MAX_SUMS_BYTES = 1 << 20

_logger = logging.getLogger(__name__)


def sums_name(folder: Path) -> str:
    """Return the name of the folder's list of sums: its maker's, or else our own."""
    own = not (folder / SUMS_NAME).exists() and (folder / OWN_SUMS_NAME).exists()
    return OWN_SUMS_NAME if own else SUMS_NAME


def has_sums(folder: Path) -> bool:
    """Tell whether the folder has a list of sums, its maker's or our own."""
    return (folder / sums_name(folder)).exists()


def read_sums(folder: Path) -> dict[str, str]:
    """Return {file name: SHA-256 in lower-case hexadecimal} of the folder's list of sums.

    Raises BundleError if the list is missing, damaged or names a file outside the folder.
    """
    path = folder / sums_name(folder)
    try:
        if path.stat().st_size > _MAX_SUMS_BYTES:
            raise BundleError("The list of checksums {path} is damaged.", path=path)
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BundleError(
            "{path} cannot be read: {detail}.", path=path, detail=error.strerror
        ) from error
    except UnicodeDecodeError as error:
        raise BundleError("The list of checksums {path} is damaged.", path=path) from error
    sums: dict[str, str] = {}
    for line in lines:
        match = _LINE.fullmatch(line)
        name = match[2] if match else ""
        if not match or not is_inside(folder / name, folder):
            raise BundleError("The list of checksums {path} is damaged.", path=path)
        sums[name] = match[1].lower()
    return sums


def verify_sums(folder: Path) -> None:
    """Hash every file that SHA256SUMS lists (about 1.6 GB a second).

    Raises BundleError for the first file that is missing or differs, and for a list that is
    missing or damaged.
    """
    for name, expected in read_sums(folder).items():
        path = folder / name
        try:
            with path.open("rb") as file:
                actual = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError as error:
            raise BundleError(
                "The model folder is incomplete: {path} is missing; copy the folder again.",
                path=path,
            ) from error
        except OSError as error:
            raise BundleError(
                "{path} cannot be read: {detail}.", path=path, detail=error.strerror
            ) from error
        if actual != expected:
            raise BundleError(
                "The model file {path} is damaged: its checksum is wrong; copy the folder again.",
                path=path,
            )


def verify_changes(folder: Path, *, full: bool = False) -> None:
    """Like verify_sums, but trusts a folder unchanged since it last passed, unless `full`.

    Unchanged means: every file has the size and time stamp that it had then.
    """
    key, state = str(folder.resolve()), _state(folder)
    if not full and _remembered().get(key) == state:
        return
    verify_sums(folder)
    _remember(key, state)


def _state(folder: Path) -> dict[str, list[int]]:
    """Return {file name: [size, mtime_ns]}; a missing file is left to verify_sums."""
    state = {}
    for name in [sums_name(folder), *read_sums(folder)]:
        try:
            status = (folder / name).stat()
        except OSError:
            state[name] = [-1, -1]
        else:
            state[name] = [status.st_size, status.st_mtime_ns]
    return state


def _memory_path() -> Path:
    return cache_dir() / "verified-models.json"


def _remembered() -> dict[str, object]:
    try:
        values = json.loads(_memory_path().read_text(encoding="utf-8"))
    except (OSError, ValueError, StoreError):
        return {}  # never verified, or a lost cache: the folder is hashed again
    return values if isinstance(values, dict) else {}


def _remember(key: str, state: dict[str, list[int]]) -> None:
    kept = {path: known for path, known in _remembered().items() if Path(path).exists()}
    text = json.dumps(kept | {key: state}, indent=1)
    try:
        write_private(_memory_path(), text)
    except (OSError, StoreError):
        # Only time is lost: the next start hashes the folder again.
        _logger.warning("cannot remember that %s was verified", key, exc_info=True)
