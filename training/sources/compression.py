"""Compressed files as streams of bytes: nothing is ever unpacked whole."""

import bz2
import gzip
import io
import lzma
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from engine.errors import DataError

_SEVEN_ZIP = ("7z", "7zz", "7za")


@contextmanager
def open_stream(path: Path, member: str = "") -> Iterator[IO[bytes]]:
    """Open a plain, .gz, .xz, .bz2 or .zst file, or `member` of a .7z archive, for reading.

    A file that ends too early raises EOFError or OSError when its end is read. Raises DataError
    if no program for 7z archives is installed.
    """
    if path.suffix == ".7z":
        with _open_member(path, member) as stream:
            yield stream
        return
    with _open(path) as stream:
        yield stream


@contextmanager
def create_gzip(path: Path, level: int) -> Iterator[IO[bytes]]:
    """Open a .gz file for writing; the same lines give the same bytes, without name and time."""
    with path.open("wb") as packed, gzip.GzipFile("", "wb", level, packed, mtime=0) as stream:
        yield cast(IO[bytes], stream)


def _open(path: Path) -> IO[bytes]:
    if path.suffix == ".zst":
        import pyarrow

        return io.BufferedReader(pyarrow.input_stream(str(path), compression="zstd"))
    openers: dict[str, Any] = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
    opened: IO[bytes] = openers.get(path.suffix, open)(path, "rb")
    return opened


@contextmanager
def _open_member(path: Path, member: str) -> Iterator[IO[bytes]]:
    program = next(filter(None, map(shutil.which, _SEVEN_ZIP)), None)
    if program is None:
        raise DataError("Reading {path} needs 7-Zip: install 7zip or p7zip-full.", path=path)
    command = [program, "e", "-so", str(path), member]
    with subprocess.Popen(  # noqa: S603 - no shell, and the program is 7-Zip
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None  # noqa: S101 - for the type checker
        yield process.stdout
        process.stdout.close()
        if process.wait():
            raise EOFError(f"7-Zip ended with {process.returncode}")
