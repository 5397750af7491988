"""How a settings file of an earlier version becomes one of today's, a small step at a time.

To change what the file means, append a function that turns a document of the version before
into one of the next. A step is never changed or removed later, and drops nothing that it does
not replace.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

Document = dict[str, Any]
"""The file: `version`, `settings` by name, and `prompts`; other keys are kept as they are."""
Migration = Callable[[Document], Document]

FIRST_VERSION: Final = 1
MIGRATIONS: Final[tuple[Migration, ...]] = ()
"""The first leads from version 1 to 2."""


def newest_version(migrations: Sequence[Migration] = MIGRATIONS) -> int:
    """Return the version that the last step leads to."""
    return FIRST_VERSION + len(migrations)


def migrate(document: Document, migrations: Sequence[Migration] = MIGRATIONS) -> Document:
    """Return `document`, whose version is known, as one of the newest version."""
    for migration in migrations[document["version"] - FIRST_VERSION :]:
        document = {**migration(document), "version": document["version"] + 1}
    return document
