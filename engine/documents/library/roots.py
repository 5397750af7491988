"""Whether what a person added can be reached: the scanning side of a library."""

import os
from pathlib import Path

from engine.documents.library.failures import as_text
from engine.documents.library.library import Library
from engine.errors import GebError


def path_of(library: Library, root_id: int) -> Path | None:
    """Return where a root is; None if it was taken out of the library."""
    rows = library.database.execute("SELECT path FROM roots WHERE id = ?", (root_id,))
    return Path(os.fsdecode(rows[0]["path"])) if rows else None


def device_of(library: Library, root_id: int) -> int | None:
    """Return the device on which a root was when it could be reached last; None at first."""
    rows = library.database.execute("SELECT device FROM roots WHERE id = ?", (root_id,))
    device: int | None = rows[0]["device"] if rows else None
    return device


def set_reachable(library: Library, root_id: int, device: int) -> None:
    """Say that a root can be looked through, and where it is."""
    library.database.execute(
        "UPDATE roots SET problem = NULL, device = ?"
        " WHERE id = ? AND (problem IS NOT NULL OR device IS NOT ?)",
        (device, root_id, device),
    )


def set_problem(library: Library, root_id: int, problem: GebError) -> None:
    """Say why a root cannot be looked through; its waiting files wait until it can."""
    text = as_text(problem)
    library.database.execute(
        "UPDATE roots SET problem = ? WHERE id = ? AND problem IS NOT ?", (text, root_id, text)
    )
