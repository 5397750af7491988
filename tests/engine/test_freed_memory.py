"""Memory that was freed is the system's again."""

import ctypes
import platform

import psutil
import pytest

from engine.freed_memory import give_back

BLOCKS, SIZE = 50_000, 2_000


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps it")
def test_freed_blocks_below_one_in_use_are_given_back() -> None:
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    library.free.argtypes = [ctypes.c_void_p]
    blocks = [library.malloc(SIZE) for _ in range(BLOCKS)]
    for block in blocks:
        ctypes.memset(block, 1, SIZE)
    last = library.malloc(SIZE)
    for block in blocks:
        library.free(block)
    before = psutil.Process().memory_info().rss
    give_back()
    assert psutil.Process().memory_info().rss < before - BLOCKS * SIZE // 2
    library.free(last)
