"""What a library tells whoever shows it."""

from dataclasses import dataclass

from engine.errors import GebError


@dataclass(frozen=True)
class LibraryChanged:
    """Collections, files or progress are not what they were; ask again what is shown."""


@dataclass(frozen=True)
class LibraryFailed:
    """Indexing waits because of this (a full disk); it goes on by itself when it can."""

    error: GebError


LibraryEvent = LibraryChanged | LibraryFailed
