"""A program: the real window, used by a script that says what it has seen stored.

    python tests/torture/session.py BUNDLE SEED
    python tests/torture/session.py BUNDLE settle

Prints a line of JSON before each change ("try") and after it ("kept"); what follows "kept" must
outlive anything that happens to the process from then on. Runs until it is killed. With "settle"
it changes one setting, waits until every document is indexed, and ends as a person would.
"""

import json
import os
import random
import sys
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path

from PySide6.QtCore import QTimer

from app import startup
from app.single_instance import Instance, Request
from app.window import MainWindow
from engine.chat import AnswerEvent, ChatEvent
from engine.documents.service import DocumentService
from engine.events import Cancelled, Done, Failed
from engine.settings.table import BY_NAME

_TICK_MS = 15
_WORDS = [
    "the",
    "rain",
    "长江",
    "falls",
    "on",
    "北京",
    "and",
    "nobody",
    "knows",
    "为什么",
    "it",
    "stops",
    "at",
    "noon",
    "今天",
]
_FILES_IN_A_COLLECTION = 4
_HOME = Path(os.environ["GEB_CHAT_HOME"])


def say(kind: str, what: str, name: int | str, value: object) -> None:
    """Tell the parent process; from any thread, and whole or not at all."""
    os.write(1, (json.dumps([kind, what, name, value]) + "\n").encode())


class Script:
    """Uses a window at random, as fast as a hasty person could and faster."""

    def __init__(self, window: MainWindow, seed: int) -> None:
        self._window = window
        self._store = window.chat._service.store
        self._settings = window.chat._service.settings
        self._seed = seed
        self._random = random.Random(seed)  # noqa: S311 (no secret)
        self._files = 0
        self._importing: str | None = None
        self._timer = QTimer(window, interval=_TICK_MS)
        self._timer.timeout.connect(self._act)
        self._timer.start()
        window._bridge.arrived.connect(self._heard)
        window.files.imported.connect(self._imported)
        window.files.failed.connect(lambda error: say("problem", "import", 0, str(error)))

    def _act(self) -> None:
        acts = {
            self._send: 6,
            self._stop: 1,
            self._new: 0.3,
            self._draft: 3,
            self._rename: 2,
            self._set: 2,
            self._import: 0.6,
            self._add_documents: 0.5,
        }
        [act] = self._random.choices(list(acts), list(acts.values()))
        act()

    def _send(self) -> None:
        text, number = self._text(), self._window.chat.conversation_id
        if number is None:
            return
        # While an answer is written the question stays in the composer: a draft, saved soon.
        say("try", "draft", number, text)
        say("try", "draft", number, "")
        self._window.chat.composer.set_text(text)
        self._window.chat.send(text)
        if self._window.chat.composer.text() == "":
            question = self._store.thread(number)[-2]
            say("kept", "message", question.id, question.content)
            say("kept", "draft", number, "")

    def _stop(self) -> None:
        self._window.chat.stop()

    def _new(self) -> None:
        self._window.sidebar.new()

    def _draft(self) -> None:
        number, text = self._window.chat.conversation_id, self._text()
        if number is not None:
            say("try", "draft", number, text)
            self._window.chat.composer.set_text(text)
            self._window.chat.save_draft()
            say("kept", "draft", number, text)

    def _rename(self) -> None:
        number, title = self._window.chat.conversation_id, self._text()
        if number is not None:
            say("try", "title", number, title)
            self._store.rename(number, title)
            say("kept", "title", number, title)

    def _set(self) -> None:
        values = {
            "temperature": round(self._random.uniform(0.1, 1.9), 2),
            "max_new_tokens": self._random.randint(20, 200),
            "system_prompt": self._text(),
            "scheme": self._random.choice(("light", "dark")),
        }
        name = self._random.choice(list(values))
        say("try", "setting", name, values[name])
        self._settings.set(BY_NAME[name], values[name])
        say("kept", "setting", name, values[name])

    def _import(self) -> None:
        if self._importing is not None:
            return
        path = self._new_path("imports", ".json")
        count = self._random.choice((3, 3, 3, 200))
        path.write_text(_conversations(path.stem, count), encoding="utf-8")
        self._importing = path.stem
        say("try", "import", path.stem, count)
        self._window.files.import_files([path])

    def _imported(self, ids: list[int]) -> None:
        say("kept", "import", str(self._importing), len(ids))
        self._importing = None

    def _add_documents(self) -> None:
        folder = self._new_path("documents", "")
        folder.mkdir()
        for number in range(_FILES_IN_A_COLLECTION):
            suffix = self._random.choice((".txt", ".md", ".html"))
            word = f"{folder.name}q{number}"
            text = f"<p>{word} {self._text()}. {self._text() * 20}</p>"
            (folder / word).with_suffix(suffix).write_text(text, encoding="utf-8")
        name = folder.name
        say("try", "collection", name, str(folder))
        self._library().add_collection(name, [folder]).add_done_callback(
            partial(_collection_added, name, folder)
        )

    def _library(self) -> DocumentService:
        library = self._window.desk._library_service()
        assert library is not None
        return library

    def _heard(self, events: Sequence[ChatEvent]) -> None:
        """An answer that has ended is on the disk."""
        for event in events:
            if isinstance(event, AnswerEvent) and isinstance(
                event.event, Done | Cancelled | Failed
            ):
                content = self._store.message(event.message_id).content
                say("kept", "message", event.message_id, content)

    def _new_path(self, kind: str, suffix: str) -> Path:
        folder = _HOME / "given" / kind
        folder.mkdir(parents=True, exist_ok=True)
        self._files += 1
        return folder / f"{kind}{self._seed}x{self._files}{suffix}"

    def _text(self) -> str:
        return " ".join(self._random.choices(_WORDS, k=self._random.randint(1, 30)))


class Settling:
    """Waits until nothing is left to do, and ends the window."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        if trouble := window.chat._service.store_notice():
            say("problem", "start", 0, trouble)
        for problem in window.chat._service.settings.problems:
            say("problem", "start", 0, str(problem))
        window.chat._service.settings.set(BY_NAME["top_p"], 0.5)
        self._timer = QTimer(window, interval=200)
        self._timer.timeout.connect(self._look)
        self._timer.start()

    def _look(self) -> None:
        library = self._window.desk._library_service()
        assert library is not None
        if library.set_aside is not None:
            say("problem", "start", 0, f"library set aside as {library.set_aside}")
        collections = library.collections()
        listed = all(
            len(library.files(one.id)) == _FILES_IN_A_COLLECTION
            and library.progress(one.id).waiting == 0
            for one in collections
        )
        if listed:
            self._timer.stop()
            self._window.end()


def _conversations(name: str, count: int) -> str:
    """Return a file of conversations in GEB Chat's own form."""
    unknown = ("finish_reason", "model", "error", "prompt_tokens", "completion_tokens")
    unknown += ("prefill_ms", "decode_tokens_per_second")
    message = {"status": "complete", **dict.fromkeys(unknown)}
    return json.dumps(
        {
            "format": "geb-chat",
            "version": 1,
            "conversations": [
                {
                    "title": name,
                    "system_prompt": "",
                    "created_at": number,
                    "updated_at": number,
                    "pinned": False,
                    "settings": {},
                    "shown": 2,
                    "messages": [
                        message
                        | {"id": 1, "parent_id": None, "role": "user"}
                        | {"content": f"{name} {number}", "created_at": number},
                        message
                        | {"id": 2, "parent_id": 1, "role": "assistant"}
                        | {"content": f"{number} {name}", "created_at": number},
                    ],
                }
                for number in range(count)
            ],
        }
    )


def _collection_added(name: str, folder: Path, added: Future[int]) -> None:
    if (error := added.exception()) is None:
        say("kept", "collection", name, str(folder))
    else:
        say("problem", "collection", name, str(error))


def main() -> int:
    """Open the window and let the script use it."""
    load = MainWindow.load_model
    scripts: list[object] = []

    def load_and_begin(window: MainWindow, path: Path | None) -> None:
        load(window, path)
        if sys.argv[2] == "settle":
            scripts.append(Settling(window))
        else:
            scripts.append(Script(window, int(sys.argv[2])))

    MainWindow.load_model = load_and_begin  # type: ignore[method-assign]
    return startup.run(Request(model=Path(sys.argv[1])), Instance())


if __name__ == "__main__":
    sys.exit(main())
