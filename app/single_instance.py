"""One window for each user: a second start hands over what it was given, and ends.

Whoever holds the lock is the first; the system frees it however that process ends, so a socket
left behind by a crash misleads nobody. No Qt here: a second start need not wait for it.
"""

import hashlib
import json
import os
import socket
import stat
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.errors import GebError
from engine.paths import config_dir

try:
    import fcntl
except ImportError:  # a system without POSIX locks opens a window at every start
    fcntl = None  # type: ignore[assignment]

ANSWER_SECONDS: Final = 10.0
"""So long a first window may take to open, or to answer, before it counts as hung."""
ACKNOWLEDGED: Final = b"ok\n"
MOST_BYTES: Final = 1_000_000
_PAUSE_SECONDS: Final = 0.05
_LONGEST_SOCKET: Final = 100
"""Bytes of a path that every system takes for a socket."""


class NoAnswerError(GebError):
    """A window is open, but does not answer."""

    @property
    def pid(self) -> int | None:
        """The window's process."""
        pid = self.values["pid"]
        return pid if isinstance(pid, int) else None


@dataclass(frozen=True)
class Request:
    """What a start asks for."""

    files: Sequence[Path] = ()
    """Absolute paths."""
    model: Path | None = None
    activation: str = ""
    """What lets the window come to the front on Wayland."""

    def encode(self) -> bytes:
        """Return one line."""
        values = {
            "files": [str(file) for file in self.files],
            "model": None if self.model is None else str(self.model),
            "activation": self.activation,
        }
        return json.dumps(values).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> "Request":
        """Read what `encode` wrote. Raises ValueError for anything else."""
        values = json.loads(line)
        try:
            model = values["model"]
            return cls(
                [Path(file) for file in values["files"]],
                None if model is None else Path(model),
                str(values["activation"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError("no request") from error


class Instance:
    """The place where the starts of one user, with one folder of settings, meet.

    Raises StoreError if there is no folder for it.
    """

    def __init__(self) -> None:
        config = config_dir()
        name = hashlib.sha256(os.fsencode(config)).hexdigest()[:16]
        folder = _private_folder() or config
        self._lock_path = folder / f"{name}.lock"
        self.socket_path = folder / f"{name}.socket"
        self._lock: int | None = None

    def claim(self, request: Request, seconds: float = ANSWER_SECONDS) -> bool:
        """Become the first and return True, or let the first do `request` and return False.

        Raises NoAnswerError if there is a first one, and for `seconds` it has neither answered
        nor ended.
        """
        deadline = time.monotonic() + seconds
        while not self._try_lock():
            if self._hand_over(request, deadline):
                return False
            if time.monotonic() >= deadline:
                raise NoAnswerError(
                    "GEB Chat is open already, but it does not answer. Wait a moment and try "
                    "again, or end it and start anew; what is stored stays.",
                    pid=self._holder(),
                )
            time.sleep(_PAUSE_SECONDS)
        return True

    def release(self) -> None:
        """Let another process be the first."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _try_lock(self) -> bool:
        if fcntl is None or len(os.fsencode(self.socket_path)) > _LONGEST_SOCKET:
            return True
        file = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        os.ftruncate(file, 0)
        os.write(file, str(os.getpid()).encode())
        self._lock = file
        return True

    def _hand_over(self, request: Request, deadline: float) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(max(_PAUSE_SECONDS, deadline - time.monotonic()))
            try:
                client.connect(str(self.socket_path))
                client.sendall(request.encode())
                return client.recv(len(ACKNOWLEDGED)) == ACKNOWLEDGED
            except OSError:
                return False  # it is still opening, just ending, or hung

    def _holder(self) -> int | None:
        try:
            return int(self._lock_path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None


def _private_folder() -> Path | None:
    """Return a folder for sockets that is this user's own; None if somebody else's is there."""
    if not hasattr(os, "getuid"):
        return None
    given = os.environ.get("XDG_RUNTIME_DIR")
    try:
        if given and _owned(Path(given)):  # after sudo it may be somebody else's
            folder = Path(given, "geb-chat")
        else:
            folder = Path(tempfile.gettempdir(), f"geb-chat-{os.getuid()}")
        folder.mkdir(mode=0o700, exist_ok=True)
        private = _owned(folder) and not stat.S_IMODE(folder.stat().st_mode) & 0o077
    except OSError:
        return None
    return folder if private else None


def _owned(folder: Path) -> bool:
    return folder.lstat().st_uid == os.getuid()
