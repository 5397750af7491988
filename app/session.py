"""Did the window end as it should? A marker that lies there while it is open tells the next start.

What Python cannot catch (a fault in a library, a signal) writes the stacks of all threads to a
file, and the next start moves them into the log.
"""

import faulthandler
import json
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_logger: Final = logging.getLogger(__name__)
_MARKER: Final = "running.json"
_STACKS: Final = "crash.log"
_MOST_BYTES: Final = 100_000


class Session:
    """One run of the window; begin it when no other window is open. Raises OSError.

    `crashes` counts the runs just before this one that did not end as they should.
    """

    def __init__(self, folder: Path) -> None:
        self._marker = folder / _MARKER
        self.crashes = _crashes_before(self._marker)
        _write(self._marker, json.dumps({"crashes": self.crashes}))
        _move_to_log(folder / _STACKS)
        self._stacks = _open_private(folder / _STACKS)
        faulthandler.enable(self._stacks)

    def end(self) -> None:
        """Tell the next start that all went well."""
        faulthandler.disable()
        os.close(self._stacks)
        self._marker.unlink(missing_ok=True)


def _crashes_before(marker: Path) -> int:
    try:
        before = json.loads(marker.read_text(encoding="utf-8"))["crashes"]
    except FileNotFoundError:
        return 0
    except (OSError, ValueError, KeyError, TypeError):
        before = 0  # half written when the power went: a crash it was
    return 1 + before if isinstance(before, int) else 1


def _move_to_log(stacks: Path) -> None:
    with suppress(FileNotFoundError):
        text = stacks.read_bytes()[:_MOST_BYTES].decode(errors="replace").strip()
        if text:
            _logger.error("the last run crashed:\n%s", text)


def _open_private(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)


def _write(path: Path, text: str) -> None:
    file = _open_private(path)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)
