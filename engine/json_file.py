"""Small files out of a model folder, read with a limit on their size."""

import json
from pathlib import Path
from typing import Any

from engine.errors import BundleError

_MAX_JSON_BYTES = 16 << 20


def read_json(path: Path, limit: int = _MAX_JSON_BYTES) -> dict[str, Any]:
    """Return the JSON object in a file of at most `limit` bytes. Raises BundleError."""
    check_size(path, limit)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BundleError(
            "{path} cannot be read: {detail}.", path=path, detail=error.strerror
        ) from error
    except (ValueError, RecursionError) as error:
        raise BundleError("{path} is not valid JSON: {detail}.", path=path, detail=error) from error
    if not isinstance(values, dict):
        raise BundleError("{path} must hold a JSON object.", path=path)
    return values


def check_size(path: Path, limit: int) -> None:
    """Raise BundleError if a file has more than `limit` bytes."""
    if path.stat().st_size > limit:
        raise BundleError("{path} is far too large for what it is; it is refused.", path=path)
