"""Conversations out of a file, into the store whole or not at all."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.conversation_files import chatgpt, geb_json, markdown
from engine.conversation_files.json_stream import read_items
from engine.conversation_files.limits import MeteredFile, not_conversations
from engine.errors import DataError
from engine.i18n import tr
from engine.store import ConversationTree, Store

_BATCH_CHARACTERS = 1 << 20
_BATCH_MESSAGES = 500
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class ImportReport:
    """What became of a file."""

    ids: list[int]
    """The new conversations."""
    repeated: int
    """Conversations that were there already, just as they are in the file."""

    def sentence(self) -> str:
        """Return what to tell the user."""
        if not self.ids and not self.repeated:
            return tr("The file holds no conversations with text.")
        if not self.ids:
            return tr(
                "Nothing new: all {count} conversations are here already.", count=self.repeated
            )
        if not self.repeated:
            return tr("Conversations imported: {count}.", count=len(self.ids))
        return tr(
            "Conversations imported: {count}. Here already: {repeated}.",
            count=len(self.ids),
            repeated=self.repeated,
        )


def import_conversations(
    store: Store,
    path: Path,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> ImportReport:
    """Add the conversations of our JSON or Markdown, or of ChatGPT's conversations.json.

    A file of any size is read piece by piece, and other writers of the store need not wait for
    the end. `on_progress` hears (read, all) bytes and may raise to give up. Raises DataError
    for any other file and StoreError; then nothing is added.
    """
    importer = _Importer(store)
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            start = file.read(len(_BOM) + 64).removeprefix(_BOM)
            file.seek(len(_BOM) if _has_bom(path) else 0)
            metered = MeteredFile(path, file, lambda done: on_progress(done, size))
            for tree in _read(path, start.lstrip(), metered):
                importer.add(tree)
        return importer.finish()
    except OSError as error:
        importer.give_up()
        raise DataError(
            "{path} cannot be read: {detail}.", path=path, detail=error.strerror
        ) from error
    except BaseException:
        importer.give_up()
        raise


def _has_bom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_BOM)) == _BOM


def _read(path: Path, start: bytes, file: MeteredFile) -> Iterator[ConversationTree]:
    if start.startswith(markdown.FIRST_BYTES):
        return markdown.read(path, file)
    if start.startswith(b"["):
        return chatgpt.read(path, read_items(path, file))
    if start.startswith(b"{"):
        return geb_json.read(path, read_items(path, file))
    raise not_conversations(path)


class _Importer:
    """Adds conversations out of sight, in batches, so that others can write in between."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._batch: list[tuple[ConversationTree, str]] = []
        self._messages = self._characters = 0
        self._ids: list[int] = []
        self._seen: set[str] = set()
        self._repeated = 0

    def add(self, tree: ConversationTree) -> None:
        if not tree.messages:
            return
        origin = _fingerprint(tree)
        if origin in self._seen or self._is_here(tree, origin):
            self._repeated += 1
            return
        self._seen.add(origin)
        self._batch.append((tree, origin))
        self._messages += len(tree.messages)
        self._characters += sum(len(message.content) for message in tree.messages)
        if self._messages > _BATCH_MESSAGES or self._characters > _BATCH_CHARACTERS:
            self._write()

    def finish(self) -> ImportReport:
        self._write()
        self._store.show_import(self._ids)
        return ImportReport(self._ids, self._repeated)

    def give_up(self) -> None:
        self._store.drop_import(self._ids)

    def _write(self) -> None:
        self._ids += self._store.add_import(self._batch)
        self._batch = []
        self._messages = self._characters = 0

    def _is_here(self, tree: ConversationTree, origin: str) -> bool:
        """Imported from the same before, or written here and exported."""
        return self._store.imported(origin) or any(
            _fingerprint(self._store.tree(number)) == origin
            for number in self._store.created_at(tree.conversation.created_at)
        )


def _fingerprint(tree: ConversationTree) -> str:
    """Return the same for two conversations with the same messages at the same times."""
    places = {message.id: place for place, message in enumerate(tree.messages)}
    content = [
        (message.role, message.content, message.created_at, places.get(message.parent_id or 0))
        for message in tree.messages
    ]
    text = json.dumps([tree.conversation.created_at, content])
    return hashlib.sha256(text.encode()).hexdigest()
