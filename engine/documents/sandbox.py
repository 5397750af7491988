"""Reads files in a process of its own, so that no file can harm, hang or fill this one."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import IO, Any, TypeVar, get_args

import engine
from engine.documents.document import Document
from engine.documents.failures import Code, failure
from engine.documents.picture import PagePicture, PictureRequest
from engine.documents.wire import from_json, picture_from_json
from engine.errors import DocumentError

T = TypeVar("T")

CHILD_ARGUMENT = "--read-documents"
"""What a packaged application is started with to be the reading process."""
_MAX_ANSWER = 256 << 20
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "TEMP", "SYSTEMROOT", "LD_LIBRARY_PATH")
"""All that the process learns of our environment."""
_PATIENCE = 5.0
_POLL_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """What one file may cost."""

    cpu_seconds: float = 120.0
    wall_seconds: float = 600.0
    """Longer, since the process gives way to everything else on the machine."""
    memory_bytes: int = 1 << 30


class DocumentReader:
    """Reads one file at a time in a child process, which starts with the first one.

    `read` may be called from several threads, which wait for each other; two readers use two
    cores. `cancel` and `close` may be called from any thread at any time.
    """

    def __init__(self, limits: ReadingLimits | None = None) -> None:
        self._limits = limits or ReadingLimits()
        self._one_at_a_time = threading.Lock()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._reading = self._closed = False
        self._ended_because: Code | None = None

    def __enter__(self) -> "DocumentReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, path: Path) -> Document:
        """Return the text of a file. Raises DocumentError with one of the codes in failures.py."""
        return self._request(path, {}, _document)

    def draw(self, path: Path, request: PictureRequest) -> PagePicture:
        """Return the picture of a PDF's page. Raises as `read`."""
        return self._request(path, {"picture": asdict(request)}, _picture)

    def _request(self, path: Path, what: dict[str, Any], parse: Callable[[Any], T]) -> T:
        """Have the child read a file; `what` says what of it is wanted."""
        with self._one_at_a_time:
            with self._lock:
                if self._closed:
                    raise failure("cancelled")
                self._reading, self._ended_because = True, None
                process = self._process or self._start()
            timer = threading.Timer(self._limits.wall_seconds, self._end, ["time_limit"])
            timer.daemon = True
            timer.start()
            try:
                return self._ask(process, path, what, parse)
            finally:
                timer.cancel()
                with self._lock:
                    self._reading = False

    def cancel(self) -> None:
        """End the reading in progress, which then fails with the code "cancelled"."""
        self._end("cancelled")

    def close(self) -> None:
        """End the reading in progress and the process; nothing can be read afterwards."""
        with self._lock:
            self._closed = True
        self._end("cancelled")
        with self._one_at_a_time:
            self._discard()

    def _start(self) -> subprocess.Popen[bytes]:
        """Start the child; the caller holds the lock."""
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment["PYTHONPATH"] = str(Path(engine.__file__).parents[1])
        windows: dict[str, Any] = {}
        if sys.platform == "win32":
            flags = subprocess.CREATE_NO_WINDOW | subprocess.IDLE_PRIORITY_CLASS
            windows["creationflags"] = flags
        self._process = subprocess.Popen(  # noqa: S603 (our own module, no shell)
            _command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd=Path(sys.executable).anchor,
            start_new_session=True,
            **windows,
        )
        return self._process

    def _end(self, reason: Code) -> None:
        """Kill the child if it is reading; the thread that waits for it does the rest."""
        with self._lock:
            if self._reading and self._process is not None:
                self._ended_because = self._ended_because or reason
                self._process.kill()

    def _ask(
        self,
        process: subprocess.Popen[bytes],
        path: Path,
        what: dict[str, Any],
        parse: Callable[[Any], T],
    ) -> T:
        assert process.stdin is not None  # noqa: S101 (Popen made it)
        assert process.stdout is not None  # noqa: S101
        request = {
            **what,
            "path": os.fsencode(path.absolute()).hex(),
            "cpu_seconds": self._limits.cpu_seconds,
            "memory_bytes": self._limits.memory_bytes,
        }
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            is_last, answer = _receive(process.stdout)
            result = parse(answer)
        except DocumentError:
            if is_last:
                self._discard()
            raise
        except (OSError, EOFError, ValueError, RecursionError) as error:
            raise self._why(*self._discard()) from error
        if is_last:
            self._discard()
        return result

    def _why(self, status: int | None, memory: int) -> DocumentError:
        """Return the reason for which the child is no more, after using so many bytes."""
        if self._ended_because:
            return failure(self._ended_because)
        if status is not None and status == -getattr(signal, "SIGXCPU", -1):
            return failure("time_limit")
        # Libraries in C end the process where they get no more memory.
        aborted = status is not None and status == -getattr(signal, "SIGABRT", -1)
        if aborted and memory > self._limits.memory_bytes // 8:
            return failure("memory_limit")
        return failure("crashed")

    def _discard(self) -> tuple[int | None, int]:
        """End the child, wait for it and return its status, None if even killing takes long.

        Behind it the most bytes of memory that it used, 0 where the system does not say.
        """
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return None, 0
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        # It may be about to end by itself, with a status that says why.
        with suppress(subprocess.TimeoutExpired):
            return _wait(process, _PATIENCE)
        process.kill()
        with suppress(subprocess.TimeoutExpired):
            return _wait(process, _PATIENCE)
        # It hangs in the system, as with a drive that has gone; nobody should wait for it.
        threading.Thread(target=process.wait, daemon=True).start()
        return None, 0


def _wait(process: subprocess.Popen[bytes], seconds: float) -> tuple[int, int]:
    """Return the status and the most memory of a process that ends; raises TimeoutExpired."""
    if sys.platform == "win32":
        return process.wait(seconds), 0
    deadline = monotonic() + seconds
    with suppress(ChildProcessError):  # somebody else has seen it end
        while process.returncode is None:
            number, status, usage = os.wait4(process.pid, os.WNOHANG)
            if number:
                process.returncode = os.waitstatus_to_exitcode(status)
                unit = 1 if sys.platform == "darwin" else 1024
                return process.returncode, usage.ru_maxrss * unit
            if monotonic() > deadline:
                raise subprocess.TimeoutExpired(process.args, seconds)
            sleep(_POLL_SECONDS)
    return process.wait(seconds), 0


def _command() -> list[str]:
    if getattr(sys, "frozen", False):
        return [sys.executable, CHILD_ARGUMENT]
    return [sys.executable, "-P", "-m", "engine.documents.child"]


def _receive(pipe: IO[bytes]) -> tuple[bool, Any]:
    """Return whether this was the child's last answer, and the answer."""
    head = pipe.read(9)
    if len(head) < 9:
        raise EOFError
    size = int.from_bytes(head[1:], "big")
    if size > _MAX_ANSWER:
        raise ValueError("the answer is too long")
    body = pipe.read(size)
    if len(body) < size:
        raise EOFError
    return head[:1] == b"L", json.loads(body)


def _document(answer: Any) -> Document:
    """Return the document, or raise the failure, that an answer holds."""
    return from_json(_content(answer, "document"))


def _picture(answer: Any) -> PagePicture:
    """Return the picture, or raise the failure, that an answer holds."""
    return picture_from_json(_content(answer, "picture"))


def _content(answer: Any, kind: str) -> Any:
    if not isinstance(answer, dict):
        raise ValueError("not an answer")
    if kind in answer:
        return answer[kind]
    if answer.get("code") not in get_args(Code):
        raise ValueError("not an answer")
    raise failure(answer["code"], str(answer.get("detail", ""))[:200])
