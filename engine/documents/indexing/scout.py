"""Keeps a library's files up to date with the folders: at the start, and as they change."""

import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from engine.documents.indexing.scanning import is_hidden, scan_root
from engine.documents.indexing.watching import Watcher
from engine.documents.library.library import Library
from engine.documents.library.types import Root

_POLL_SECONDS = 30.0
"""How often is looked at what cannot be watched: missing folders, single files."""
_RESCAN_SECONDS = 600.0
"""How often is looked at all the same what is watched: a system may drop what it cannot hold."""
_MAX_PATHS = 500
"""More changes at once are found faster by looking through the whole folder."""


class Scout:
    """Looks through folders whenever there is reason to; for one thread, but for `wake`."""

    def __init__(self, library: Library, stopped: Callable[[], bool]) -> None:
        self._library = library
        self._stopped = stopped
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._changed: dict[Path, set[Path]] = {}
        self._looked: dict[int, float] = {}
        self._watcher = Watcher(self._on_change)

    def wake(self) -> None:
        """Let `wait` return: something may have changed. From any thread."""
        self._wake.set()

    def wait(self) -> None:
        """Wait until there is something to do."""
        self._wake.wait(_POLL_SECONDS)
        self._wake.clear()

    def look(self) -> None:
        """Look through what is new, what has changed, and what it is time for."""
        roots = [root for one in self._library.collections() for root in one.roots]
        # Each is looked through now, and again once it is watched: no change falls between.
        self._watcher.watch({root.path for root in roots if root.path.is_dir()})
        with self._lock:
            changed, self._changed = self._changed, {}
        for root in roots:
            if self._stopped():
                return
            paths = changed.get(root.path, set())
            if self._is_due(root) or len(paths) > _MAX_PATHS:
                scan_root(self._library, root.id, root.path, stopped=self._stopped)
                self._looked[root.id] = monotonic()
            else:
                for path in _topmost(paths, root.path):
                    scan_root(self._library, root.id, root.path, below=path)

    def close(self) -> None:
        """Watch nothing any more."""
        self._watcher.close()

    def _is_due(self, root: Root) -> bool:
        if root.id not in self._looked:
            return True
        # A folder that came back may hold anything.
        is_watched = root.problem is None and self._watcher.is_watched(root.path)
        patience = _RESCAN_SECONDS if is_watched else _POLL_SECONDS - 1
        return monotonic() - self._looked[root.id] >= patience

    def _on_change(self, folder: Path, paths: set[Path]) -> None:
        with self._lock:
            self._changed.setdefault(folder, set()).update(paths)
        self.wake()


def _topmost(paths: set[Path], root: Path) -> list[Path]:
    """Return paths below a root that are not hidden, without those below others of them."""
    kept: list[Path] = []
    for path in sorted(paths):
        inside = path.relative_to(root).parts if path.is_relative_to(root) else ()
        if any(map(is_hidden, inside)) or any(path.is_relative_to(above) for above in kept):
            continue
        kept.append(path)
    return kept
