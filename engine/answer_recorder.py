"""Keeps one answer on the disk while it is being written."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from engine.documents.answering.sources import Sources
from engine.errors import StoreError
from engine.events import Cancelled, Done, Failed, Usage
from engine.store import Message, Status, Store

CHECKPOINT_SECONDS = 1.0
"""A crash loses at most so much of an answer."""


class AnswerRecorder:
    """Saves the answer that is to fill the stored `message`; used on the engine's thread.

    What the message holds already stays at the beginning, but for what `mark` replaces.

    Where the disk refuses, the text stays in memory: `on_refused` hears of it once, each
    later save tries again, and `unsaved` holds what could not be written in the end.
    """

    def __init__(
        self, store_path: Path, message: Message, on_refused: Callable[[StoreError], None]
    ) -> None:
        self.message = message
        self.unsaved: Callable[[Store], None] | None = None
        self._store_path = store_path
        self._on_refused = on_refused
        self._refused = False
        self._store: Store | None = None
        self._pieces = [message.content]
        self._sources: dict[str, object] | None = None
        self._saved_at = time.monotonic()

    def add(self, text: str, model: str | None) -> None:
        """Take the next piece of the answer; save all of it if the last time is long ago."""
        self._pieces.append(text)
        if time.monotonic() - self._saved_at >= CHECKPOINT_SECONDS:
            self._save(self._write(model, "streaming"))
            self._saved_at = time.monotonic()

    def mark(self, text: str, sources: Sources) -> None:
        """Take the whole answer with its marks instead of its pieces, and what it rests on."""
        self._pieces = [text]
        self._sources = sources.to_json()

    def finish(self, event: Done | Cancelled | Failed, model: str | None) -> None:
        """Save the whole answer and how it ended."""
        match event:
            case Done(usage=usage, finish_reason=reason):
                write = self._write(model, "complete", reason, usage=usage)
            case Cancelled(usage=usage):
                write = self._write(model, "cancelled", "cancelled", usage=usage)
            case Failed(error=error):
                write = self._write(model, "failed", "error", error=str(error))
        if not self._save(write):
            self.unsaved = write
        if self._store is not None:
            self._store.close()

    def _write(
        self,
        model: str | None,
        status: Status,
        finish_reason: str | None = None,
        *,
        usage: Usage | None = None,
        error: str | None = None,
    ) -> Callable[[Store], None]:
        return partial(
            Store.update_message,
            message_id=self.message.id,
            content="".join(self._pieces),
            status=status,
            finish_reason=finish_reason,
            model=model,
            usage=usage,
            error=error,
            sources=self._sources,
        )

    def _save(self, write: Callable[[Store], None]) -> bool:
        try:
            # SQLite connections belong to the thread that opens them: this one.
            self._store = self._store or Store(self._store_path)
            write(self._store)
        except StoreError as error:
            if not self._refused:
                self._on_refused(error)
            self._refused = True
            return False
        return True
