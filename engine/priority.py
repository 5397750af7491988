"""Who computes first where several threads or processes want the same core."""

import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

_NICE: Final = 5
"""A thread or session at 0 beside it gets three quarters of a core that both want."""
_AUTOGROUP: Final = Path("/proc/self/autogroup")


def yield_to_other_threads() -> None:
    """Let the process's other threads, the window's above all, come before this one.

    Threads that this one starts do the same: those of an onnxruntime session, for one. Only Linux
    gives each thread a priority of its own that they inherit; elsewhere nothing happens.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # it was lower already
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


def give_way(nice: int) -> None:
    """Let everything else on the machine go before this process, by so much of 0 to 19.

    On Windows whoever starts the process sets its priority, or the process does it itself.
    """
    if sys.platform == "win32":
        return
    reached = os.nice(nice)
    # Linux first divides the time among sessions, and what counts there is said to the session.
    # No more than this: at 19 it would get a hundredth, and people wait for files to be read.
    if os.getsid(0) == os.getpid() and _AUTOGROUP.exists():
        with suppress(OSError):  # it refuses what follows another such wish too soon
            _AUTOGROUP.write_text(str(min(max(0, reached), _NICE)))
