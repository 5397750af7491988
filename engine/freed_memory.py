"""What a process has freed goes back to the system."""

import ctypes
import sys
from contextlib import suppress


def give_back() -> None:
    """Return freed memory at once, where the C library would keep it for later (glibc)."""
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)
