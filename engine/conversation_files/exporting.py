"""Conversations of the store, written to a file whole or not at all."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, TextIO

from engine.conversation_files import geb_json, html, markdown
from engine.errors import DataError
from engine.store import ConversationTree, Store

Format = Literal["json", "markdown", "html"]

SUFFIXES: dict[Format, str] = {"json": ".json", "markdown": ".md", "html": ".html"}
_WRITERS: dict[Format, Callable[[Iterable[ConversationTree], TextIO], None]] = {
    "json": geb_json.write,
    "markdown": markdown.write,
    "html": html.write,
}


def export_conversations(
    store: Store,
    ids: Sequence[int] | None,
    path: Path,
    file_format: Format,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """Write conversations, in the order given (None: all, as listed), over the file at `path`.

    JSON holds all their branches, Markdown and HTML the one that is shown. `on_progress` hears
    (done, total) conversations and may raise to give up. Raises StoreError for a conversation
    that is not there and DataError if the file cannot be written; `path` is then as it was.
    """
    if ids is None:
        ids = [conversation.id for conversation in store.list_conversations()]
    beside = path.with_name(f".{path.name}.tmp")
    try:
        try:
            with _create(beside) as file:
                _WRITERS[file_format](_trees(store, ids, on_progress), file)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(
            "{path} cannot be written: {detail}.", path=path, detail=error.strerror
        ) from error


def _create(path: Path) -> TextIO:
    """Open a new file that only its owner may read; lines end as they were written."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return open(descriptor, "w", encoding="utf-8", newline="")  # noqa: PTH123 (of a number)


def _trees(
    store: Store, ids: Sequence[int], on_progress: Callable[[int, int], None]
) -> Iterator[ConversationTree]:
    for done, number in enumerate(ids):
        on_progress(done, len(ids))
        yield store.tree(number)
    on_progress(len(ids), len(ids))
