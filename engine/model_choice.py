"""Which model the engine should have open, and whether it has been asked for it already."""

import threading
from dataclasses import dataclass
from pathlib import Path

from engine.worker import EngineWorker


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """A bundle and how to open it; None leaves a choice to the model or the computer."""

    path: Path
    threads: int | None = None
    context_length: int | None = None


class ModelLoader:
    """Asks the engine for a model, but not twice for the one that it has."""

    def __init__(self, worker: EngineWorker) -> None:
        self._worker = worker
        self._lock = threading.Lock()
        self._asked: ModelChoice | None = None
        self._request_id = 0

    def load(self, choice: ModelChoice) -> int:
        """Open `choice`, anew if it is open; returns the request_id of the events about it."""
        with self._lock:  # no event of the load may come before its number is known
            self._asked = choice
            self._request_id = self._worker.load(
                choice.path, num_threads=choice.threads, context_length=choice.context_length
            )
            return self._request_id

    def ensure(self, choice: ModelChoice) -> bool:
        """Open `choice` unless that was asked last; tell whether a load was begun."""
        if choice == self._asked:
            return False
        self.load(choice)
        return True

    def forget_failed(self, request_id: int) -> None:
        """Let a load that failed be asked for again; called on the engine's thread."""
        with self._lock:
            if request_id == self._request_id:
                self._asked = None
