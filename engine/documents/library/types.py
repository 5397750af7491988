"""What a library tells of itself."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.errors import GebError

Status = Literal["waiting", "indexing", "indexed", "failed"]


@dataclass(frozen=True, kw_only=True)
class Root:
    """A folder or a single file that a person added."""

    id: int
    path: Path
    problem: GebError | None
    """Why it cannot be looked through now; what was indexed of it stays."""


@dataclass(frozen=True, kw_only=True)
class Collection:
    """Documents that are asked together."""

    id: int
    name: str
    paused: bool
    roots: tuple[Root, ...]


@dataclass(frozen=True, kw_only=True)
class FileStatus:
    """How far one file has come."""

    id: int
    collection_id: int
    path: Path
    size: int
    """Bytes."""
    status: Status
    failure: GebError | None
    """Why it failed; it is tried again when it changes."""
    pages: int | None
    """None until it is indexed."""
    passages: int | None


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a collection has come."""

    indexed: int
    waiting: int
    """The file that is being read included."""
    failed: int
    passages: int | None
    """None while files wait: they are counted one document at a time, and not final."""
    waiting_bytes: int
    seconds_left: float | None
    """None while nothing waits or nothing is known of the speed."""
    paused: bool

    @property
    def total(self) -> int:
        """How many files there are."""
        return self.indexed + self.waiting + self.failed
