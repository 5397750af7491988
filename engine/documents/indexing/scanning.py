"""Looking through folders: what is new, what has changed, what is gone."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engine.documents.library import queue, roots
from engine.documents.library.library import Library
from engine.documents.library.queue import KnownFile, Stamp
from engine.documents.reading.kinds import may_be_document
from engine.errors import DocumentError

_BATCH = 500
_NOT_DOCUMENTS = frozenset(("node_modules", "__pycache__", "$RECYCLE.BIN", "lost+found"))


@dataclass
class _Scan:
    """What one look through a folder has met."""

    found: list[tuple[bytes, Stamp]] = field(default_factory=list)
    seen: set[bytes] = field(default_factory=set)
    unreadable: list[bytes] = field(default_factory=list)
    """Folders of which nothing can be said now; what is known of them stays."""


def scan_root(
    library: Library,
    root_id: int,
    root: Path,
    *,
    below: Path | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Bring what the library knows of a root up to date, or of one path `below` it.

    Links are followed, each folder is entered once. Where the root itself is missing (a drive
    that was pulled out) or cannot be read, the library keeps what it has and says so.
    """
    known = queue.known_files(library, root_id)
    if not check_root(library, root_id, root):
        return
    start = os.fsencode(below or root)
    scan = _Scan()
    for path, stamp in _walk(start, scan, is_root=start == os.fsencode(root)):
        if stopped():
            return
        scan.seen.add(path)
        if path not in known or known[path].stamp != stamp:
            scan.found.append((path, stamp))
        if len(scan.found) >= _BATCH:
            queue.enqueue(library, root_id, scan.found)
            scan.found.clear()
    queue.enqueue(library, root_id, scan.found)
    if check_root(library, root_id, root):  # it may have vanished meanwhile
        queue.forget(library, _gone(known, start, scan))


def check_root(library: Library, root_id: int, root: Path) -> bool:
    """Return whether a root can be looked through now; if not, the library says why."""
    before = roots.device_of(library, root_id)
    try:
        info = root.stat()
        if stat.S_ISDIR(info.st_mode):
            with os.scandir(root) as entries:
                # What is left of a drive that was pulled out may be an empty folder.
                if before not in (None, info.st_dev) and not any(entries):
                    raise FileNotFoundError
    except FileNotFoundError:
        problem = DocumentError(
            "{path} is not there now. What was read of it can still be found.",
            path=root,
            code="unreadable",
        )
    except OSError as error:
        problem = DocumentError(
            "{path} cannot be read: {detail}. What was read of it can still be found.",
            path=root,
            detail=error.strerror,
            code="unreadable",
        )
    else:
        roots.set_reachable(library, root_id, info.st_dev)
        return True
    roots.set_problem(library, root_id, problem)
    return False


def _gone(known: dict[bytes, KnownFile], start: bytes, scan: _Scan) -> list[int]:
    unreadable = tuple(folder.rstrip(os.fsencode(os.sep)) for folder in scan.unreadable)
    return [
        file.id
        for path, file in known.items()
        if path not in scan.seen
        and _is_below(path, start)
        and not any(_is_below(path, folder) for folder in unreadable)
    ]


def _is_below(path: bytes, folder: bytes) -> bool:
    return path == folder or path.startswith(
        folder.rstrip(os.fsencode(os.sep)) + os.fsencode(os.sep)
    )


def _walk(start: bytes, scan: _Scan, *, is_root: bool) -> Iterator[tuple[bytes, Stamp]]:
    """Yield the files of supported kinds below a folder, or the file itself."""
    entered: set[tuple[int, int]] = set()
    waiting = [start]
    while waiting:
        path = waiting.pop()
        try:
            info = os.stat(path)  # noqa: PTH116 (a name in any encoding)
        except FileNotFoundError:
            continue
        except OSError:
            scan.unreadable.append(path)
            continue
        if stat.S_ISREG(info.st_mode):
            # What a person adds by name is read whatever it is called, or said to be unreadable.
            if (is_root and path == start) or may_be_document(os.fsdecode(path)):
                yield path, Stamp.of(info)
        elif stat.S_ISDIR(info.st_mode) and (info.st_dev, info.st_ino) not in entered:
            entered.add((info.st_dev, info.st_ino))
            try:
                with os.scandir(path) as entries:
                    waiting += sorted(
                        (e.path for e in entries if not is_hidden(os.fsdecode(e.name))),
                        reverse=True,
                    )
            except OSError:
                scan.unreadable.append(path)


def is_hidden(name: str) -> bool:
    """Return whether what has this name is left out of a folder's documents."""
    return name.startswith((".", "~$")) or name in _NOT_DOCUMENTS
