"""Refuses one system call after the other while a person does something.

For each act (see act.py) and each kind of fault all calls of that kind fail, then, in other
runs, the first alone, the second, and so on until none is left to fail. Afterwards nothing that
was stored before may be missing, no file may be damaged or half-written, and the person must have
been told in one sentence in their language, unless all was done nevertheless.
"""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from checks import damage

from engine.documents.library.library import Library
from engine.settings.file import Settings
from engine.settings.table import TEMPERATURE, THREADS
from engine.store import Store

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FIXTURES = HERE.parent / "data" / "stores"
_MOST_CALLS = 400
_ENGLISH = re.compile("[A-Za-z/]{2,} [A-Za-z/]{2,}")
_CHINESE = re.compile("[\u4e00-\u9fff]")


@dataclass(frozen=True)
class Fault:
    """What the system says (0: nothing, it is only slow) to calls that concern files `below`."""

    name: str
    calls: str
    number: int
    below: str = ""
    """A path below the home, or the beginning of one."""


ACTS = (
    "start",
    "migration",
    "message",
    "settings",
    "collection",
    "index",
    "import",
    "export-json",
    "export-markdown",
    "export-html",
    "model",
    "model-deletion",
    "key",
    "erasing",
)
FAULTS = (
    Fault("a full disk", "write", errno.ENOSPC),
    Fault("a disk that does not write", "write", errno.EIO),
    Fault("a disk that does not keep", "sync", errno.EIO),
    Fault("a disk that does not read", "read", errno.EIO),
    Fault("files that cannot be opened", "open", errno.EACCES),
    Fault("a disk that cannot be written", "open,rename,mkdir,unlink", errno.EROFS),
    Fault("files that cannot be renamed", "rename", errno.EACCES),
    Fault("files that cannot be removed", "unlink", errno.EACCES),
    Fault("a folder of data that is closed", "open,mkdir,rename", errno.EACCES, "data/"),
    Fault("a folder of settings that is closed", "open,mkdir,rename", errno.EACCES, "config/"),
    Fault("a slow disk", "write,sync,read,open", 0),
)
_SLOW_MS = 20


@dataclass
class Outcome:
    """What became of all runs of an act with a fault."""

    runs: int = 0
    told: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)


def prepare(home: Path, act: str, model: Path) -> None:
    """Write a home with something in every store, and what an act needs."""
    data, config = home / "data", home / "config"
    for folder in (data, config, home / "papers"):
        folder.mkdir(parents=True)
    version = 1 if act == "migration" else 3
    shutil.copy(FIXTURES / f"conversations-v{version}.sqlite3", data / "conversations.sqlite3")
    shutil.copy(FIXTURES / "settings-v1.json", config / "settings.json")
    (home / "papers" / "tea.txt").write_text("绿茶用未经发酵的茶叶制成。", encoding="utf-8")
    with Library(data / "library.sqlite3") as library:
        library.add_collection("before", [home / "papers"])
    (home / "given.json").write_text(_GIVEN, encoding="utf-8")
    shutil.copytree(model, home / "model")
    if act == "model-deletion":
        shutil.copytree(model, data / "models" / "added")


class Actor:
    """The process that acts; see act.py."""

    def __init__(self, library: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "act.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ
            | {"PYTHONPATH": str(ROOT), "LD_PRELOAD": str(library), "OPENBLAS_NUM_THREADS": "1"},
        )

    def act(self, act: str, home: Path, fault: Fault, nth: int) -> dict[str, Any]:
        """Do one thing; the nth call that the fault is about fails, or (0) every one."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = asdict(fault) | {"act": act, "home": str(home), "nth": nth, "delay": _SLOW_MS}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def build_library(folder: Path) -> Path:
    """Compile faults.c and return the library."""
    library = folder / "faults.so"
    compiler = ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([*compiler, "-o", library, HERE / "faults.c", "-ldl"], check=True)
    return library


def try_all(actor: Actor, act: str, fault: Fault, template: Path) -> Outcome:
    """Let each call of an act fail once, and then all; `template` is a home prepared for it."""
    outcome = Outcome()
    for nth in range(_MOST_CALLS):  # 0 stands for all
        with tempfile.TemporaryDirectory(dir=template.parent) as folder:
            home = Path(folder)
            shutil.copytree(template, home, dirs_exist_ok=True)
            answer = actor.act(act, home, fault, nth)
            told = answer.get("error")
            wrong = [answer["trace"]] if answer["trace"] else [*_unclear(told)]
            wrong += list(_missing(home, act, fault, told))
            if told is None and not answer["trace"] and not _done(home, act):
                wrong.append("it was not done, and nothing was said")
        outcome.runs += 1
        outcome.wrong += [f"{act}, {fault.name}, call {nth}: {what}" for what in wrong]
        if told is not None:
            outcome.told.add(told.replace(str(home), "…"))
        if not answer.get("hits") or fault.number == 0:
            break
    return outcome


def _unclear(told: str | None) -> Iterator[str]:
    if told is None:
        return
    foreign = _ENGLISH.search(told.replace("GEB Chat", ""))
    if not _CHINESE.search(told) or foreign or "\n" in told or len(told) > 300:
        yield f"no clear sentence: {told!r}"


def _missing(home: Path, act: str, fault: Fault, told: str | None) -> Iterator[str]:
    """Yield what was there before and is not now, and what is damaged or half-written."""
    for path in home.rglob("*"):
        if "-damaged-" in path.name or ".damaged-" in path.name:
            yield f"{path.name} was set aside in vain"
        if "unlink" in fault.calls:
            continue  # then it must be left
        if path.name.endswith((".part", ".tmp")) or path.name.startswith((".settings", ".import")):
            yield f"{path.relative_to(home)} is left"
    if act == "erasing" and told is None:
        return
    data = home / "data"
    for path in (data / "conversations.sqlite3", data / "library.sqlite3"):
        if path.exists():
            yield from damage(path)
        elif act != "erasing":
            yield f"{path.name} is gone"
    if act == "erasing":
        return
    with Store(data / "conversations.sqlite3") as store:
        texts = [m.content for m in store.tree(1).messages]
        if texts[:3] != ["中国最长的河流是什么？", "长江，全长约 6300 公里。", "And in Europe?"]:
            yield f"messages are missing: {texts}"
        titles = [one.title for one in store.list_conversations()]
        if titles.count("imported") not in (0, 50):
            yield "half of a file was imported"
    if Settings(home / "config" / "settings.json").get(TEMPERATURE) != 0.35:
        yield "settings are missing"
    with Library(data / "library.sqlite3") as library:
        if "before" not in [one.name for one in library.collections()]:
            yield "a collection is missing"
    if act != "model-deletion" and list(data.glob("models/*")) and not _done(home, "model"):
        yield "half a model is there"


def _done(home: Path, act: str) -> bool:
    """Tell whether an act has had its effect."""
    data = home / "data"
    checks: dict[str, Callable[[], bool]] = {
        "settings": lambda: Settings(home / "config" / "settings.json").get(THREADS) == 7,
        "model": lambda: (
            sorted(p.name for p in (data / "models" / "model").glob("[!.]*"))
            == sorted(p.name for p in (home / "model").glob("[!.]*"))
        ),
        "model-deletion": lambda: not (data / "models" / "added").exists(),
        "key": lambda: (home / "config" / "api-key").stat().st_size > 40,
        "erasing": lambda: not list(home.glob("data/*")),
    }
    if act.startswith("export"):
        return (home / f"out.{act.removeprefix('export-')}").stat().st_size > 100
    if act in checks:
        return checks[act]()
    if act in ("collection", "index"):
        with Library(data / "library.sqlite3") as library:
            collections = library.collections()
            read = library.progress(collections[0].id).indexed == 1
        return read if act == "index" else len(collections) == 2
    with Store(data / "conversations.sqlite3") as store:
        if act == "message":
            return store.tree(1).messages[-1].content.startswith("new ")
        if act == "import":
            return len([one for one in store.list_conversations() if one.title == "imported"]) == 50
        return store.thread(1)[-1].status in ("interrupted", "complete")


def _given() -> str:
    """Return ChatGPT's file of fifty conversations."""
    content = {"content_type": "text", "parts": ["a question " * 40]}
    node = {"id": "a", "message": {"author": {"role": "user"}, "content": content}}
    return json.dumps(
        [
            {"title": "imported", "create_time": number, "mapping": {"a": node}}
            for number in range(50)
        ]
    )


_GIVEN = _given()
