"""The key that a program must show: made at first use, readable by its user only."""

import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from engine.errors import StoreError
from engine.paths import config_dir
from engine.private_file import create_private, write_private

_PREFIX = "geb-"
_KEY_BYTES = 32
_MOST_CHARACTERS = 200
_KEY = re.compile(_PREFIX + r"[A-Za-z0-9_-]{40,100}")


def key_path() -> Path:
    """Return the file of the key. Raises StoreError if there is no folder for it."""
    return config_dir() / "api-key"


def read_key() -> str:
    """Return the key, made now if there is none.

    Raises StoreError if the file cannot be read or written, holds no key, or is open to other
    users. Deleting it makes the old key worthless.
    """
    path = key_path()
    try:
        if not path.exists():
            with suppress(FileExistsError):  # another process, started at the same time, made it
                create_private(path, _make() + "\n")
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise StoreError(
                "Other users of this computer may read the key in {path}. Delete the file, and "
                "a new key is made.",
                path=path,
            )
        with path.open(encoding="ascii", errors="replace") as file:
            key = file.read(_MOST_CHARACTERS).strip()
    except OSError as error:
        raise StoreError(
            "The key file {path} cannot be used: {detail}.", path=path, detail=error.strerror
        ) from error
    if not _KEY.fullmatch(key):
        raise StoreError("{path} holds no key. Delete the file, and a new key is made.", path=path)
    return key


def new_key() -> str:
    """Make a new key in place of the old one, and return it. Raises StoreError."""
    path = key_path()
    key = _make()
    try:
        write_private(path, key + "\n")
    except OSError as error:
        raise StoreError(
            "The key file {path} cannot be used: {detail}.", path=path, detail=error.strerror
        ) from error
    return key


def _make() -> str:
    return _PREFIX + secrets.token_urlsafe(_KEY_BYTES)
