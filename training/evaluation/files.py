"""Test sets as they are published: JSON, plain or packed with xz."""

import json
import lzma
from pathlib import Path
from typing import Any

from engine.errors import DataError


def read_json(path: Path) -> Any:
    """Return the contents of a .json or .json.xz file. Raises DataError if it is neither."""
    data = path.read_bytes()
    try:
        return json.loads(lzma.decompress(data) if path.suffix == ".xz" else data)
    except (ValueError, lzma.LZMAError) as error:
        raise unknown_format(path) from error


def unknown_format(path: Path) -> DataError:
    """Return the error of a file that does not hold what its suite reads."""
    return DataError(
        "{path} is damaged, or in another format than this test set is published in.", path=path
    )
