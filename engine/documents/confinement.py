"""Takes away from this process what reading a file does not need."""

import ctypes
import math
import os
import platform
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

_SYSTEM_CALLS = {
    # socket, connect, execve, execveat, ptrace, kill, process_vm_writev
    "x86_64": (0xC000003E, (41, 42, 59, 322, 101, 62, 311)),
    "aarch64": (0xC00000B7, (198, 203, 221, 281, 117, 129, 271)),
}
"""Mark of the processor, and what it forbids by number."""
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _NOT_PERMITTED = 0x7FFF0000, 0x00050000 | 1
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2
_FORBIDDEN = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork")
"""What Python says before it does such things, on every system."""


def confine() -> None:
    """Forbid network, other programs and files to be written, for the rest of this process."""
    os.environ.clear()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # numpy would start a thread for each core
    with suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "linux":
        _forbid_system_calls()
    sys.addaudithook(_refuse)


def limit_memory(size: int) -> None:
    """Let the process have so many bytes of address space. On Windows there is no such limit."""
    with suppress(ImportError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (size, size))


def allow_time(seconds: float) -> None:
    """Let the process compute for so long from now on; then the system ends it."""
    with suppress(ImportError):
        import resource

        usage = resource.getrusage(resource.RUSAGE_SELF)
        limit = math.ceil(usage.ru_utime + usage.ru_stime + seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def exhausted(size: int) -> bool:
    """Return whether the process has at some time used half of its memory."""
    return _most_memory() > size // 2


def _most_memory() -> int:
    """Return the most bytes that this process has used; 0 where the system does not say."""
    status = Path("/proc/self/status")
    if status.exists():
        # Linux counts into ru_maxrss what the process that started this one had used.
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) * 1024
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


def _refuse(event: str, _arguments: tuple[Any, ...]) -> None:
    if event.startswith(_FORBIDDEN):
        raise PermissionError(event)


def _forbid_system_calls() -> None:
    """Let the kernel refuse them; a kernel or processor without this leaves Python's own guard."""
    if platform.machine() not in _SYSTEM_CALLS:
        return
    mark, forbidden = _SYSTEM_CALLS[platform.machine()]
    program = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, mark), (_RETURN, 0, 0, _ALLOW), (_LOAD, 0, 0, 0)]
    for left, number in zip(range(len(forbidden), 0, -1), forbidden, strict=True):
        program.append((_EQUAL, left, 0, number))
    program += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _NOT_PERMITTED)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    whole = ctypes.create_string_buffer(struct.pack("HP", len(program), ctypes.addressof(code)))
    system = ctypes.CDLL(None, use_errno=True)
    arguments = [ctypes.c_ulong(value) for value in (1, 0, 0, 0)]
    if system.prctl(_NO_NEW_PRIVILEGES, *arguments) == 0:
        system.prctl(_SET_SECCOMP, ctypes.c_ulong(_FILTER), ctypes.byref(whole))
