"""A program: things that a person does, while the system refuses some of it (see faults.c).

    LD_PRELOAD=faults.so python tests/torture/act.py

Each line of JSON on the standard input names an act, a home and a fault; a fresh process, forked
so that it need not load everything anew, does it. The line of JSON that answers says what the
person was told ("error", null if nothing), how many calls were refused ("hits"), and "trace"
where something was raised that no person could read.
"""

import ctypes
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from engine.api.key import read_key
from engine.chat import ChatService
from engine.conversation_files.exporting import Format, export_conversations
from engine.conversation_files.importing import import_conversations
from engine.documents.document import Document
from engine.documents.indexing.indexer import Indexer
from engine.documents.indexing.scanning import scan_root
from engine.documents.library.library import Library
from engine.documents.reading.read import read_document
from engine.erasing import erase_everything
from engine.errors import GebError, SettingsError
from engine.i18n import set_language
from engine.models.importing import delete_model, import_folder
from engine.paths import data_dir, library_path, store_path
from engine.settings.file import open_settings
from engine.settings.table import THREADS
from engine.store import Store


def home() -> Path:
    """Return the home of this run."""
    return Path(os.environ["GEB_CHAT_HOME"])


class OwnReader:
    """Reads files in this process, so that it is the one whose calls are refused."""

    def read(self, path: Path) -> Document:
        """Return what a file says."""
        return read_document(path)

    def cancel(self) -> None:
        """There is nothing to end."""


def start() -> None:
    """Open the store as the window and the terminal do."""
    ChatService(store_path(), lambda _event: None).close()


def message() -> None:
    """Store what was typed."""
    with Store(store_path()) as store:
        store.add_message(1, "user", "new " * 3000, parent_id=None)


def settings() -> None:
    """Change a setting."""
    opened = open_settings()
    for problem in opened.problems:
        raise problem if isinstance(problem, SettingsError) else SettingsError(str(problem))
    opened.set(THREADS, 7)


def collection() -> None:
    """Add a folder to the library."""
    with Library(library_path()) as library:
        library.add_collection("new", [home() / "papers"])


def index() -> None:
    """Look through the folders of the library and read what is new."""
    with Library(library_path()) as library:
        for one in library.collections():
            for root in one.roots:
                scan_root(library, root.id, root.path)
    Indexer(library_path(), OwnReader()).run()


def import_file() -> None:
    """Import conversations."""
    with Store(store_path()) as store:
        import_conversations(store, home() / "given.json")


def export(kind: Format) -> Callable[[], None]:
    """Return what exports all conversations."""

    def export_all() -> None:
        with Store(store_path()) as store:
            export_conversations(store, None, home() / f"out.{kind}", kind)

    return export_all


def add_model() -> None:
    """Add a model folder."""
    import_folder(home() / "model")


def remove_model() -> None:
    """Delete a model that was added."""
    delete_model(data_dir() / "models" / "added")


def key() -> None:
    """Make the key for other programs."""
    read_key()


def erase() -> None:
    """Delete everything."""
    erase_everything()


ACTS: dict[str, Callable[[], object]] = {
    "start": start,
    "migration": start,
    "message": message,
    "settings": settings,
    "collection": collection,
    "index": index,
    "import": import_file,
    "export-json": export("json"),
    "export-markdown": export("markdown"),
    "export-html": export("html"),
    "model": add_model,
    "model-deletion": remove_model,
    "key": key,
    "erasing": erase,
}


def _run(order: dict[str, str | int]) -> dict[str, object]:
    """Do one act in this process, with its fault."""
    os.environ["GEB_CHAT_HOME"] = str(order["home"])
    library = ctypes.CDLL(None)
    where = os.path.join(str(order["home"]), str(order["below"]))  # noqa: PTH118 (may end in /)
    calls, number, nth, delay = (order[key] for key in ("calls", "number", "nth", "delay"))
    told, trace = None, None
    library.fault_arm(str(calls).encode(), number, where.encode(), nth, delay)
    try:
        ACTS[str(order["act"])]()
    except GebError as error:
        told = str(error)
    except BaseException:  # noqa: BLE001 (it is what is looked for)
        trace = traceback.format_exc()
    hits = library.fault_hits()
    library.fault_arm(b"", 0, b"", 0, 0)
    return {"error": told, "hits": hits, "trace": trace}


def main() -> None:
    """Answer until the input ends."""
    set_language("zh_CN")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            answer = json.dumps(_run(json.loads(line))) + "\n"
            os.write(1, answer.encode())
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:
            os.write(1, (json.dumps({"trace": f"it ended with {status}"}) + "\n").encode())


if __name__ == "__main__":
    main()
