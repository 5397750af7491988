"""Kills a scripted session again and again, and looks after each kill whether anything was lost.

    python tests/torture/kills.py [--kills N] [--seed N] [--model DIR]

All sessions use one home, as the starts of a person do: they chat, write drafts, rename, change
settings, import conversations and index documents. Every fifth kill hits a migration of an
earlier version's store instead. What is checked after each kill: everything that the session had
seen stored is there word for word; an import is there whole or not at all; SQLite finds nothing
wrong with any file; the next start has nothing to repair or to say. At the end an undisturbed
session indexes what is left and ends in order; every document is then found by its words.
"""

import argparse
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psutil
from checks import Stored, damage, left_behind
from journal import Journal

from engine.bundle_paths import default_bundle_path
from engine.settings.file import Settings
from engine.settings.table import TEMPERATURE

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FIXTURES = HERE.parent / "data" / "stores"
_START_SECONDS = 120
_OLD_CONVERSATIONS = 3000
_MIGRATION_EVERY = 5


@dataclass(frozen=True)
class Moment:
    """When a kill comes: so many things must have been stored, then a random while passes."""

    kept: int = 1
    seconds: float = 3.0
    early: float = 0.1
    """The share of kills that do not wait for anything: they hit the start."""


class Session:
    """A child process that talks, until it is killed or ends."""

    def __init__(self, home: Path, *command: str, hear: Callable[[str], None]) -> None:
        environment = os.environ | {
            "GEB_CHAT_HOME": str(home),
            "XDG_RUNTIME_DIR": str(home),
            "QT_QPA_PLATFORM": "offscreen",
            "PYTHONPATH": str(ROOT),
        }
        self.process = subprocess.Popen(
            [sys.executable, *command], stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
        )
        self._hear = hear
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def end(self) -> int:
        """Wait for the end and return the exit status."""
        status = self.process.wait(_START_SECONDS)
        self._listener.join()
        return status

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._hear(line)


def run_and_kill(
    home: Path, bundle: Path, seed: int, journal: Journal, moment: Moment
) -> list[str]:
    """Let a session run for a random while and kill it, with its child processes or without.

    Returns what is wrong with how it died. Raises RuntimeError if it ends by itself.
    """
    chance = random.Random(seed)  # noqa: S311 (no secret)
    enough = threading.Event()

    def hear(line: str) -> None:
        journal.note(line)
        if len(journal.kept) >= already + moment.kept:
            enough.set()

    already = len(journal.kept)
    session = Session(home, str(HERE / "session.py"), str(bundle), str(seed), hear=hear)
    ready = chance.random() < moment.early or enough.wait(_START_SECONDS)
    time.sleep(chance.uniform(0, moment.seconds))
    children = psutil.Process(session.process.pid).children(recursive=True)
    if chance.random() < 0.5:  # the indexing process may die first, as when memory is short
        _kill(children)
    if chance.random() < 0.3:
        time.sleep(chance.uniform(0, moment.seconds))
    children = [*children, *psutil.Process(session.process.pid).children(recursive=True)]
    session.process.send_signal(signal.SIGKILL)
    if chance.random() < 0.5:
        _kill(children)
    status = session.end()
    if status != -signal.SIGKILL or not ready:
        raise RuntimeError(f"The session ended by itself with status {status}.")
    _, alive = psutil.wait_procs(children, timeout=_START_SECONDS)
    return [f"{process} outlives the window" for process in alive]


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def kill_a_migration(folder: Path, version: int, chance: random.Random) -> list[str]:
    """Kill a program that brings an old store and old settings up to date; return what is wrong."""
    store, settings = folder / "conversations.sqlite3", folder / "settings.json"
    old_store(store, version)
    shutil.copy(FIXTURES / "settings-v1.json", settings)
    texts = _texts(store)
    seconds = chance.uniform(0, 0.8)
    begun = threading.Event()
    command = [str(HERE / "migrate.py"), str(store), str(settings)]
    session = Session(folder, *command, hear=lambda _line: begun.set())
    begun.wait(_START_SECONDS)
    time.sleep(seconds)
    session.process.send_signal(signal.SIGKILL)
    session.end()
    wrong = [*damage(store)]
    home_check = [_texts(store), *map(_texts, (folder / "backups").glob("conversations-*.sqlite3"))]
    wrong += ["messages were lost in a migration" for found in home_check if found != texts]
    if Settings(settings, migrations=(lambda document: document,)).get(TEMPERATURE) != 0.35:
        wrong.append("settings were lost in a migration")
    ended = Session(folder, *command, hear=lambda _line: None).end()
    if ended != 0 or _texts(store) != texts or [*damage(store)]:
        wrong.append(f"the next start could not migrate: {ended}")
    return wrong


def old_store(path: Path, version: int) -> None:
    """Write a store of an earlier version with so many messages that migrating takes a while."""
    shutil.copy(FIXTURES / f"conversations-v{version}.sqlite3", path)
    with closing(sqlite3.connect(path)) as connection, connection:
        if version > 1:  # its triggers ask for this
            connection.create_function("index_text", 1, str, deterministic=True)
        for number in range(100, 100 + _OLD_CONVERSATIONS):
            connection.execute(
                "INSERT INTO conversations (id, title, system_prompt, created_at, updated_at)"
                " VALUES (?, ?, '', ?, ?)",
                (number, f"title {number}", number, number),
            )
            connection.execute(
                "INSERT INTO messages (id, conversation_id, role, content, status, created_at)"
                " VALUES (?, ?, 'user', ?, 'complete', 1)",
                (number, number, f"message {number} 长江 " * 10),
            )


def _texts(path: Path) -> list[tuple[int, str]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT id, content FROM messages ORDER BY id").fetchall()


def settle(home: Path, bundle: Path, journal: Journal) -> list[str]:
    """Let a session finish what the kills interrupted, and end; return what is wrong then."""
    session = Session(home, str(HERE / "session.py"), str(bundle), "settle", hear=journal.note)
    status = session.end()
    wrong = [] if status == 0 else [f"the last session ended with status {status}"]
    stored = Stored(home)
    return [*wrong, *journal.problems, *left_behind(home), *stored.wrong_with_documents()]


def torture(
    home: Path,
    bundle: Path,
    kills: int,
    seed: int,
    moment: Moment = Moment(),
    on_kill: Callable[[int], None] = lambda _number: None,
) -> tuple[Journal, list[str]]:
    """Kill `kills` sessions; return what they stored, and all that was wrong afterwards."""
    journal, wrong = Journal(), []
    for number in range(1, kills + 1):
        chance = random.Random(seed + number)  # noqa: S311 (no secret)
        if number % _MIGRATION_EVERY == 0:
            with tempfile.TemporaryDirectory() as folder:
                found = kill_a_migration(Path(folder), chance.choice((1, 2)), chance)
        else:
            found = run_and_kill(home, bundle, seed + number, journal, moment)
            found += Stored(home).wrong(journal)
        wrong += [f"after kill {number}: {what}" for what in found]
        on_kill(number)
    wrong += settle(home, bundle, journal)
    return journal, [*wrong, *Stored(home).wrong(journal)]


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", type=Path, default=default_bundle_path())
    options = parser.parse_args()

    def tell(number: int) -> None:
        if number % 10 == 0:
            print(f"{number} of {options.kills} kills", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        journal, wrong = torture(
            Path(folder), options.model, options.kills, options.seed, on_kill=tell
        )
    kinds = Counter(what for what, _ in journal.kept)
    stored = ", ".join(f"{count} {kind}s" for kind, count in kinds.most_common())
    print(f"{options.kills} kills; stored: {stored}; {len(wrong)} things wrong")
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
