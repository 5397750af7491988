"""Remembers a model during whose work a process died, so that it is not loaded again by itself.

A file marks native work while it lasts. If its process is gone, the model named in it is
suspected until a person asks for it again.
"""

import json
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from engine.errors import BundleError, StoreError
from engine.i18n import to_translate
from engine.paths import cache_dir

_logger = logging.getLogger(__name__)
_RUNNING, _SUSPECTED = "running-", "suspected-"


class SuspectedModelError(BundleError):
    """A model that is not loaded by itself, because a process died while it worked."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            to_translate(
                "The application ended while the model {name} worked, so it is not loaded again "
                "by itself."
            ),
            name=path.name,
        )
        self.path = path


@contextmanager
def native_work(path: Path) -> Iterator[None]:
    """Mark that the model at `path` is at work in this thread."""
    marker = _mark(path)
    try:
        yield
    finally:
        if marker is not None:
            with suppress(OSError):
                marker.unlink()


def suspected_models() -> set[Path]:
    """Return the models whose process died at work, in this start or an earlier one."""
    try:
        folder = _folder()
        markers = [*folder.glob(f"{_RUNNING}*"), *folder.glob(f"{_SUSPECTED}*")]
    except (OSError, StoreError):
        return set()
    found = set()
    for marker in markers:
        values = _read(marker)
        if marker.name.startswith(_RUNNING):
            if values is not None and _is_alive(values):
                continue
            with suppress(OSError):  # another process may be faster
                marker.rename(marker.with_name(_SUSPECTED + marker.name.removeprefix(_RUNNING)))
        if values is not None:
            found.add(values.path)
    return found


def require_trusted(path: Path) -> Path:
    """Return `path`, which nobody named. Raises SuspectedModelError if it is suspected."""
    if path in suspected_models():
        raise SuspectedModelError(path)
    return path


def trust_again(path: Path) -> None:
    """Forget that a process died while the model at `path` worked."""
    with suppress(OSError, StoreError):
        for marker in _folder().glob(f"{_SUSPECTED}*"):
            values = _read(marker)
            if values is None or values.path == path:
                marker.unlink()


def _mark(path: Path) -> Path | None:
    try:
        marker = _folder() / f"{_RUNNING}{os.getpid()}-{threading.get_ident()}"
        values = {"path": str(path), "pid": os.getpid(), "started": _start_time(os.getpid())}
        marker.write_text(json.dumps(values), encoding="utf-8")
    except (OSError, StoreError):
        _logger.warning("cannot mark that a model is at work", exc_info=True)
        return None
    return marker


def _folder() -> Path:
    folder = cache_dir() / "models-at-work"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


class _Mark(NamedTuple):
    path: Path
    pid: int
    started: str


def _read(marker: Path) -> _Mark | None:
    try:
        values = json.loads(marker.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    match values:
        case {"path": str(path), "pid": int(pid), "started": str(started)}:
            return _Mark(Path(path), pid, started)
    return None


def _is_alive(mark: _Mark) -> bool:
    """Tell whether a process still runs, and is not another one with its number."""
    if mark.pid <= 0 or os.name != "posix":
        return False
    try:
        os.kill(mark.pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return _start_time(mark.pid) == mark.started


def _start_time(pid: int) -> str:
    """Return when a process began, where the system says it; "" elsewhere."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]
