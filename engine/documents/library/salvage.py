"""What can still be read of a damaged library: the folders that a person chose.

Their files are read anew.
"""

from pathlib import Path

from engine.database import Database
from engine.documents.library.library import set_aside_damaged_library
from engine.documents.library.schema import MIGRATIONS
from engine.rescue import copy_rows, count_rows, rescue


def rescue_library(path: Path) -> tuple[Path, int] | None:
    """Set a damaged library aside; return its new name and how many collections were saved.

    None if it is sound. Raises StoreError.
    """
    return rescue(path, set_aside_damaged_library, _salvage)


def _salvage(damaged: Path, fresh: Path) -> int:
    database = Database(fresh, MIGRATIONS, {})
    try:
        with database.transaction():
            database.execute("PRAGMA defer_foreign_keys = ON")
            copy_rows(damaged, database, "collections")
            copy_rows(damaged, database, "roots", device=None, problem=None)
            database.execute(
                "INSERT INTO collections (id, name) SELECT DISTINCT collection_id, ''"
                " FROM roots WHERE collection_id NOT IN (SELECT id FROM collections)"
            )
        return count_rows(database, "collections")
    finally:
        database.close()
