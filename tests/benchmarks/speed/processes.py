"""Programs of this folder in processes of their own, which say what they find in JSON lines."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from speed.models import ROOT


def environment() -> dict[str, str]:
    """Return the environment in which programs of this folder find each other."""
    home = ROOT / "build" / "bench" / "home"
    search = os.pathsep.join([str(ROOT / "tests" / "benchmarks"), str(ROOT)])
    return os.environ | {"PYTHONPATH": search, "GEB_CHAT_HOME": str(home)}


class Worker:
    """A running program that answers a line of JSON on stdin by one on stdout (see serving).

    `ready` is its first line, which it writes unasked.
    """

    def __init__(self, module: str, *arguments: object, python: Path | None = None) -> None:
        self._process = subprocess.Popen(
            [str(python or sys.executable), "-m", module, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        self.module = module
        self.ready = self._receive()

    def ask(self, **question: object) -> Any:
        """Return the result of a question. Raises RuntimeError where the program has ended."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._receive()["result"]

    def close(self) -> None:
        """Let the program end, and wait for it."""
        self._process.communicate()

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.module} ended with status {self._process.wait()}.")
        answer: dict[str, Any] = json.loads(line)
        return answer


def report_of(module: str, *arguments: object) -> dict[str, Any]:
    """Run a program to its end and return what it reports."""
    worker = Worker(module, *arguments)
    worker.close()
    return worker.ready


@contextmanager
def busy_core() -> Iterator[None]:
    """Have another process keep one core busy."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()
