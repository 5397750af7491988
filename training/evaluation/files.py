"""Test sets as they are published: JSON or JSON Lines, plain or packed with xz."""

import json
import lzma
from pathlib import Path
from typing import Any

from engine.errors import DataError


def read_json(path: Path) -> Any:
    """Return the contents of a .json or .json.xz file. Raises DataError if there is none."""
    try:
        return json.loads(_read(path))
    except (ValueError, lzma.LZMAError) as error:
        raise unknown_format(path) from error


def read_json_lines(path: Path) -> list[Any]:
    """Return the values of a .jsonl or .jsonl.xz file. Raises DataError if there is none."""
    try:
        return [json.loads(line) for line in _read(path).splitlines()]
    except (ValueError, lzma.LZMAError) as error:
        raise unknown_format(path) from error


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError("There is no file or folder {path}.", path=path) from error
    return lzma.decompress(data) if path.suffix == ".xz" else data


def unknown_format(path: Path) -> DataError:
    """Return the error of a file that does not hold what its suite reads."""
    return DataError(
        "{path} is damaged, or in another format than this test set is published in.", path=path
    )
