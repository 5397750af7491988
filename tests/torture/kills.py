"""Kills a scripted session again and again, and looks after each kill whether anything was lost.

    python tests/torture/kills.py [--kills N] [--seed N] [--model DIR]

All sessions use one store, as the starts of a person do. What is checked after each kill: every
message, answer, title and draft that the session had seen stored is there word for word; no answer
is left in the state of being written; SQLite finds nothing wrong with the file.
"""

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from engine.bundle_paths import default_bundle_path
from engine.store import Store, set_aside_damaged_store

ROOT = Path(__file__).resolve().parents[2]
_LONGEST_SECONDS = 3.0
"""A kill comes within so long of the first thing that was stored."""
_START_SECONDS = 120


@dataclass
class Journal:
    """What sessions said: what is stored for sure, and what may be instead of it."""

    kept: dict[tuple[str, int], str] = field(default_factory=dict)
    tried: dict[tuple[str, int], str] = field(default_factory=dict)

    def note(self, line: str) -> None:
        """Take a line of a session; a line that the kill cut off says nothing."""
        try:
            kind, what, number, value = json.loads(line)
        except ValueError:
            return
        if kind == "try":
            self.tried[what, number] = value
        else:
            self.kept[what, number] = value
            self.tried.pop((what, number), None)

    def lost(self, store: Store) -> list[str]:
        """Return what is not in the store as it should be, in words."""
        found = []
        for (what, number), value in self.kept.items():
            stored = _stored(store, what, number)
            if stored not in (value, self.tried.get((what, number))):
                found.append(f"{what} {number}: {value!r} is {stored!r}")
        return found

    def settle(self, store: Store) -> None:
        """What was under way when the kill came is now one or the other."""
        for key in self.tried:
            if key in self.kept:
                self.kept[key] = _stored(store, *key)
        self.tried.clear()


def _stored(store: Store, what: str, number: int) -> str:
    if what == "message":
        return store.message(number).content
    return store.draft(number) if what == "draft" else store.conversation(number).title


def run_and_kill(home: Path, bundle: Path, seed: int, journal: Journal) -> None:
    """Let a session run for a random while, and kill it. Raises RuntimeError if it ends itself."""
    chance = random.Random(seed)  # noqa: S311 (no secret)
    environment = os.environ | {
        "GEB_CHAT_HOME": str(home),
        "XDG_RUNTIME_DIR": str(home),
        "QT_QPA_PLATFORM": "offscreen",
        "PYTHONPATH": str(ROOT),
    }
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("session.py")), str(bundle), str(seed)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=ROOT,
    )
    begun = threading.Event()

    def listen() -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                journal.note(line)
                begun.set()

    listener = threading.Thread(target=listen)
    listener.start()
    if begun.wait(_START_SECONDS):
        time.sleep(chance.uniform(0, _LONGEST_SECONDS))
    process.send_signal(signal.SIGKILL)
    status = process.wait()
    listener.join()
    if status != -signal.SIGKILL or not begun.is_set():
        raise RuntimeError(f"The session ended by itself with status {status}.")


def check(path: Path, journal: Journal) -> list[str]:
    """Open the store as the next start does, and return what is wrong with it, in words."""
    if (kept := set_aside_damaged_store(path)) is not None:
        return [f"the store was damaged: {kept}"]
    with closing(sqlite3.connect(path)) as connection:
        wrong = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
    with Store(path) as store:
        store.recover()
        wrong += journal.lost(store)
        journal.settle(store)
        for conversation in store.list_conversations():
            wrong += [
                f"answer {message.id} is still being written"
                for message in store.thread(conversation.id)
                if message.status == "streaming"
            ]
    return wrong


def torture(home: Path, bundle: Path, kills: int, seed: int) -> tuple[Journal, list[str]]:
    """Kill `kills` sessions; return what they stored, and all that was wrong afterwards."""
    journal, wrong = Journal(), []
    for number in range(kills):
        run_and_kill(home, bundle, seed + number, journal)
        found = check(home / "data" / "conversations.sqlite3", journal)
        wrong += [f"after kill {number + 1}: {what}" for what in found]
    return journal, wrong


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", type=Path, default=default_bundle_path())
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        journal, wrong = torture(Path(folder), options.model, options.kills, options.seed)
    messages = sum(what == "message" for what, _ in journal.kept)
    print(f"{options.kills} kills, {messages} messages stored, {len(wrong)} things wrong")
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
