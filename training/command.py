"""What every command of training/ and export/ shares: errors as one sentence, atomic writes."""

import sys
from collections.abc import Callable
from pathlib import Path

from engine.errors import GebError
from engine.i18n import set_language, system_language, tr


def command(main: Callable[[], None]) -> Callable[[], None]:
    """Wrap a command-line entry: an expected failure prints one sentence and exits with 1."""

    def run() -> None:
        set_language(system_language())
        try:
            main()
        except GebError as error:
            sys.exit(str(error))
        except OSError as error:
            path = error.filename or ""
            sys.exit(tr("{path}: {reason}.", path=path, reason=error.strerror or error))

    return run


def write_atomically(path: Path, data: str | bytes) -> None:
    """Write a whole file beside its place, then move it there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.tmp")
    beside.write_bytes(data.encode() if isinstance(data, str) else data)
    beside.replace(path)
