"""A program: brings a store and a settings file of earlier versions up to date.

    python tests/torture/migrate.py STORE SETTINGS

Says "begun" before and "done" after; the parent kills it at any moment.
"""

import sys
from pathlib import Path

from engine.settings.file import Settings
from engine.settings.migrations import Document
from engine.settings.table import SEED
from engine.store import Store


def next_step(document: Document) -> Document:
    """Stand for what a later version may do: values move into a key of another name."""
    return {**document, "moved": dict(document["settings"])}


def main() -> None:
    """Migrate both; the settings are written with the first change."""
    print("begun", flush=True)
    Settings(Path(sys.argv[2]), migrations=(next_step,)).set(SEED, 7)
    Store(Path(sys.argv[1])).close()
    print("done", flush=True)


if __name__ == "__main__":
    main()
