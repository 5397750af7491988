"""Hearing of changes below folders as they happen."""

import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from watchfiles import watch

_logger = logging.getLogger(__name__)
_DEBOUNCE_MS = 500


class Watcher:
    """Calls `on_change` with a folder and the paths that changed below it, on other threads.

    It begins with the folder itself, as soon as nothing is missed any more.
    """

    def __init__(self, on_change: Callable[[Path, set[Path]], None]) -> None:
        self._on_change = on_change
        self._watches: dict[Path, _Watch] = {}

    def watch(self, folders: Iterable[Path]) -> None:
        """Watch these folders and no others; one that cannot be watched is tried again."""
        wanted = set(folders)
        for folder, old in list(self._watches.items()):
            if folder not in wanted or not old.is_alive:
                del self._watches[folder]
                old.end()
        for folder in wanted - self._watches.keys():
            self._watches[folder] = _Watch(folder, self._on_change)

    def is_watched(self, folder: Path) -> bool:
        """Return whether changes below a folder are heard of."""
        return folder in self._watches and self._watches[folder].is_alive

    def close(self) -> None:
        """Watch nothing any more."""
        self.watch(())


class _Watch:
    def __init__(self, folder: Path, on_change: Callable[[Path, set[Path]], None]) -> None:
        self._folder = folder
        self._on_change = on_change
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            changes = watch(
                self._folder,
                watch_filter=None,
                debounce=_DEBOUNCE_MS,
                step=100,
                rust_timeout=500,
                yield_on_timeout=True,
                stop_event=self._ended,
                raise_interrupt=False,
                ignore_permission_denied=True,
            )
            # Whoever looked through the folder meanwhile may have missed a change before this.
            next(changes, None)
            self._on_change(self._folder, {self._folder})
            for change in changes:
                if change:
                    self._on_change(self._folder, {Path(path) for _, path in change})
        except (OSError, RuntimeError) as error:
            # The folder is gone, or the system watches no more of them: it is looked at now
            # and then instead.
            _logger.info("%s is not watched: %s", self._folder, error)
