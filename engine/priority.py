"""Who computes first where several threads want the same core."""

import os
import sys
import threading
from contextlib import suppress
from typing import Final

_NICE: Final = 5
"""A thread at 0 beside it gets three quarters of a core that both want."""


def yield_to_other_threads() -> None:
    """Let the process's other threads, the window's above all, come before this one.

    Threads that this one starts do the same: those of an onnxruntime session, for one. Only Linux
    gives each thread a priority of its own that they inherit; elsewhere nothing happens.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # it was lower already
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
