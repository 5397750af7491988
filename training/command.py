"""What every command of training/ and export/ shares: errors as one sentence, atomic writes."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from engine.errors import GebError
from engine.i18n import set_language, system_language, tr


def command(main: Callable[[], None]) -> Callable[[], None]:
    """Wrap a command-line entry: an expected failure prints one sentence and exits with 1.

    Ctrl-C and SIGTERM end it as they end other programs, but its worker processes with it.
    """

    def run() -> None:
        set_language(system_language())
        before = signal.signal(signal.SIGTERM, _exit)
        try:
            main()
        except KeyboardInterrupt:
            sys.exit(128 + signal.SIGINT)
        except GebError as error:
            sys.exit(str(error))
        except OSError as error:
            sentence = tr("{path}: {reason}.", path=error.filename, reason=error.strerror or error)
            sys.exit(
                sentence if error.filename else tr("{reason}.", reason=error.strerror or error)
            )
        finally:
            signal.signal(signal.SIGTERM, before)

    return run


def _exit(number: int, _frame: FrameType | None) -> None:
    """Unwind the stack, which ends pools of processes; a second signal kills at once."""
    signal.signal(number, signal.SIG_DFL)
    sys.exit(128 + number)


def write_atomically(path: Path, data: str | bytes) -> None:
    """Write a whole file beside its place, then move it there. Raises OSError that names it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.tmp")
    try:
        beside.write_bytes(data.encode() if isinstance(data, str) else data)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        error.filename = str(path)
        raise
