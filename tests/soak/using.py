"""Uses the window as a person does who never tires."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from sampling import Samples

from app import startup
from app.single_instance import Instance, Request
from app.window import MainWindow
from engine.conversation_files.exporting import export_conversations
from engine.settings.table import BY_NAME

_TICK_MS = 10
_PATIENCE_SECONDS = 180.0
_KEPT_CONVERSATIONS = 12
_LONGEST_THREAD = 8
_FILES = 30
_WORDS = (
    "the rain 长江 falls on 北京 and nobody knows 为什么 it stops at noon 今天 tell me about "
    "rivers 山 tea 绿茶 please write code table list"
)
Condition = Callable[[], bool]


def use(home: Path, samples: Samples, seconds: float, count: int) -> tuple[int, Counter[str]]:
    """Use a window for so long and take so many samples; return its status and what was done."""
    users: list[User] = []
    load = MainWindow.load_model

    def load_and_begin(window: MainWindow, path: Path | None) -> None:
        load(window, path)
        if not users:  # other loads come with switching models
            users.append(User(window, home, samples, seconds, count))

    MainWindow.load_model = load_and_begin  # type: ignore[method-assign]
    try:
        status = startup.run(Request(), Instance())
    finally:
        MainWindow.load_model = load  # type: ignore[method-assign]
    return status or users[0].failed, users[0].done


class User:
    """Does one thing after the other; each thing yields what it waits for."""

    def __init__(
        self, window: MainWindow, home: Path, samples: Samples, seconds: float, count: int
    ) -> None:
        self.done: Counter[str] = Counter()
        self.failed = 0
        self._window, self._chat = window, window.chat
        self._service = window.chat._service
        self._store = self._service.store
        self._settings = self._service.settings
        self._samples = samples
        self._random = random.Random(1)  # noqa: S311 (no secret)
        self._papers = home / "papers"
        self._out = home / "out"
        self._end_at = monotonic() + seconds
        self._every, self._next_sample = seconds / count, 0.0
        self._work = self._run()
        self._until: Condition = lambda: True
        self._since = monotonic()
        self._timer = QTimer(window, interval=_TICK_MS)
        self._timer.timeout.connect(self._step)
        self._timer.start()

    def _step(self) -> None:
        if not self._until():
            if monotonic() - self._since > _PATIENCE_SECONDS:
                print(f"waited in vain after {dict(self.done)}")
                self._finish(1)
            return
        self._since = monotonic()
        try:
            self._until = next(self._work)
        except StopIteration:
            self._finish(0)

    def _finish(self, failed: int) -> None:
        self.failed = failed
        self._timer.stop()
        self._window.end()

    def _run(self) -> Iterator[Condition]:
        yield lambda: self._service.worker.loaded is not None
        self._write_papers(range(_FILES))
        library = self._window.desk._library_service()
        assert library is not None
        adding = library.add_collection("papers", [self._papers])
        yield adding.done
        number = adding.result()
        yield lambda: library.progress(number).indexed == _FILES
        acts = (
            [self._ask] * 6
            + [self._branch] * 4
            + [self._read_anew, self._ask_documents, self._switch, self._look, self._tidy]
            + [self._set, self._export, self._draft]
        )
        self._settings.set(BY_NAME["max_new_tokens"], 60)
        while monotonic() < self._end_at:
            act = self._random.choice(acts)
            self.done[act.__name__.strip("_").replace("_", " ")] += 1
            yield from act()
            if monotonic() >= self._next_sample:
                self._next_sample = monotonic() + self._every
                self._window.sidebar.new()  # the same is shown at each
                yield lambda: True
                self._samples.take()

    def _ask(self) -> Iterator[Condition]:
        number = self._chat.conversation_id
        if number is None or len(self._store.thread(number)) >= _LONGEST_THREAD:
            self._window.sidebar.new()
        self._chat.send(self._text())
        yield self._is_quiet

    def _ask_documents(self) -> Iterator[Condition]:
        library = self._window.desk._library_service()
        assert library is not None
        self._window.sidebar.new()
        self._window.desk.scope.add_collection(library.collections()[0].id)
        self._chat.send(f"What does paper {self._random.randrange(_FILES)} say about tea?")
        yield self._is_quiet

    def _branch(self) -> Iterator[Condition]:
        number = self._chat.conversation_id
        thread = self._store.thread(number) if number is not None else []
        if len(thread) < 2:
            return
        question, answer = thread[-2:]
        act = self._random.randrange(4)
        if act == 0:
            self._chat.commands.regenerate(answer.id)
        elif act == 1:
            self._chat.commands.edit(question.id, self._text())
        elif act == 2:
            self._chat.commands.go_on(answer.id)
        else:
            self._chat.commands.step_version(answer.id, -1)
        yield self._is_quiet

    def _read_anew(self) -> Iterator[Condition]:
        library = self._window.desk._library_service()
        assert library is not None
        changed = self._random.sample(range(_FILES), 10)
        word = f"w{self._random.randrange(10**9)}"
        self._write_papers(changed, word)
        number = library.collections()[0].id

        def is_found() -> bool:
            if library.progress(number).indexed < _FILES:
                return False
            found = library.retrieve(word, collections=[number]).result()
            return any(word in passage.text for passage in found.passages)

        yield is_found

    def _switch(self) -> Iterator[Condition]:
        loaded = self._service.worker.loaded
        name = "second" if loaded is None or loaded.name != "second" else "geb-nano"
        self._window.models.choose_for_all(name)
        yield (
            lambda: (
                self._service.worker.loaded is not None and self._service.worker.loaded.name == name
            )
        )

    def _look(self) -> Iterator[Condition]:
        """Open what opens, and close it again."""
        for open_one in (
            self._window.open_palette,
            self._window.open_shortcuts,
            self._window.open_log,
            self._window.desk.open,
            self._window.settings.action.trigger,
            self._chat.open_find_bar,
        ):
            open_one()
            yield lambda: True
            for widget in QApplication.topLevelWidgets():
                if widget is not self._window and widget.isVisible():
                    widget.close()
            yield lambda: True
        self._chat.find_bar.hide()

    def _tidy(self) -> Iterator[Condition]:
        listed = self._store.list_conversations()
        for conversation in listed[_KEPT_CONVERSATIONS:]:
            self._window.sidebar.delete(conversation.id)
            self._store.erase(conversation.id)
            yield lambda: True

    def _set(self) -> Iterator[Condition]:
        self._settings.set(BY_NAME["scheme"], self._random.choice(("light", "dark")))
        self._settings.set(BY_NAME["font_scale"], self._random.choice((90, 100, 110)))
        self._settings.set(BY_NAME["language"], self._random.choice(("zh_CN", "en")))
        yield lambda: True

    def _export(self) -> Iterator[Condition]:
        self._out.mkdir(exist_ok=True)
        for kind in ("markdown", "json", "html"):
            export_conversations(self._store, None, self._out / f"all.{kind}", kind)  # type: ignore[arg-type]
        yield lambda: True

    def _draft(self) -> Iterator[Condition]:
        self._chat.composer.set_text(self._text())
        self._chat.save_draft()
        yield lambda: True

    def _is_quiet(self) -> bool:
        number = self._chat.conversation_id
        return number is None or self._service.running_answer(number) is None

    def _write_papers(self, numbers: object, word: str = "nothing") -> None:
        self._papers.mkdir(exist_ok=True)
        for number in numbers:  # type: ignore[attr-defined]
            text = f"# Paper {number}\n\nThis paper says {word} about tea. {self._text() * 40}\n"
            (self._papers / f"{number}.md").write_text(text, encoding="utf-8")

    def _text(self) -> str:
        return " ".join(self._random.choices(_WORDS.split(), k=self._random.randint(3, 30)))
