"""How quickly the packaged application opens its window: `make bench-package`.

Starts dist/geb-chat/geb (`make package` builds it) again and again under an X server of its own,
and hears from the system (inotify) when it opens the files that mark its way: the last is the
model, which is loaded as soon as the window has been painted. Prints each part beside the target
and keeps all in build/bench/package.json.
"""

import argparse
import ctypes
import os
import select
import shutil
import signal
import statistics
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from speed.models import ROOT
from speed.rows import Row, print_line, print_row, write_figures

PARTS = {
    "base_library.zip": "  the starter, until Python begins",
    "QtCore.abi3.so": "  Python and the command's modules",
    "window.ini": "  Qt, the window's modules, application object",
    "conversations.sqlite3": "  settings, theme, fonts",
    "model.onnx": "  store, widgets, showing, painting",
}
_IN_OPEN = 0x20
_EVENT = struct.Struct("iIII")
_LONGEST_SECONDS = 60


class Opened:
    """Waits until files are opened, in any process."""

    def __init__(self, files: list[Path]) -> None:
        library = ctypes.CDLL(None, use_errno=True)
        self._queue = library.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        numbers = [
            library.inotify_add_watch(self._queue, os.fsencode(file), _IN_OPEN) for file in files
        ]
        if min(self._queue, *numbers) < 0:
            raise OSError(ctypes.get_errno(), "the files cannot be watched")
        self._names = {number: file.name for number, file in zip(numbers, files, strict=True)}

    def until(self, last: str) -> dict[str, float]:
        """Return when each file was opened first, on the monotonic clock, up to the `last`."""
        seen: dict[str, float] = {}
        while last not in seen:
            if not select.select([self._queue], [], [], _LONGEST_SECONDS)[0]:
                raise TimeoutError(f"{last} was not opened")
            now, content = time.monotonic(), os.read(self._queue, 65536)
            while content:
                number, _mask, _cookie, length = _EVENT.unpack_from(content)
                seen.setdefault(self._names[number], now)
                content = content[_EVENT.size + length :]
        return seen

    def close(self) -> None:
        os.close(self._queue)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--package", type=Path, default=ROOT / "dist/geb-chat")
    parser.add_argument("--starts", type=int, default=7)
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench")
    options = parser.parse_args()
    if not (options.package / "geb").exists():
        raise SystemExit("There is no package: run `make package` first.")
    print_line("window of the package", "", "target")
    with tempfile.TemporaryDirectory() as folder, display() as environment:
        rows = list(measure(options.package, Path(folder), environment, options.starts))
    for row in rows:
        print_row(row)
    write_figures(options.out / "package.json", ((row.key, round(row.value, 4)) for row in rows))


def measure(package: Path, home: Path, environment: dict[str, str], starts: int) -> Iterator[Row]:
    """Yield the whole and its parts, medians of so many starts."""
    environment |= {"GEB_CHAT_HOME": str(home), "XDG_RUNTIME_DIR": str(home)}
    inside = package / "_internal"
    files = [
        inside / "base_library.zip",
        inside / "PySide6/QtCore.abi3.so",
        home / "config/window.ini",
        home / "data/conversations.sqlite3",
        inside / "resources/models/geb-nano/model.onnx",
    ]
    start(package, files[-1:], environment)  # makes the store, and brings the files into memory
    runs = [start(package, files, environment) for _ in range(starts)]
    whole = statistics.median(run["model.onnx"] for run in runs)
    yield Row("package_window_seconds", "usable after the start", whole, "s", at_most=1.5)
    slowest = max(run["model.onnx"] for run in runs)
    yield Row("package_window_slowest_seconds", "  the slowest", slowest, "s")
    for before, (name, words) in zip(["start", *PARTS], PARTS.items(), strict=False):
        took = statistics.median(run[name] - run[before] for run in runs)
        yield Row(f"package_{name.partition('.')[0].lower()}_seconds", words, took, "s")


def start(package: Path, files: list[Path], environment: dict[str, str]) -> dict[str, float]:
    """Start once, end politely; return when each file was opened, in seconds from the start."""
    opened = Opened(files)
    began = time.monotonic()
    with subprocess.Popen([package / "geb"], env=environment) as process:
        try:
            seen = opened.until(files[-1].name)
        finally:
            process.send_signal(signal.SIGTERM)
    opened.close()
    return {"start": 0.0} | {name: at - began for name, at in seen.items()}


@contextmanager
def display() -> Iterator[dict[str, str]]:
    """Yield an environment with an X server of its own, or Qt's own screen where there is none."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("QT_", "WAYLAND_"))}
    if not shutil.which("Xvfb"):
        yield environment | {"QT_QPA_PLATFORM": "offscreen"}
        return
    ends = os.pipe()
    command = ["Xvfb", "-displayfd", str(ends[1]), "-screen", "0", "1280x800x24"]
    with subprocess.Popen(
        [*command, "-nolisten", "tcp"], pass_fds=ends[1:], stderr=subprocess.DEVNULL
    ) as server:
        os.close(ends[1])
        with os.fdopen(ends[0]) as reader:
            number = reader.readline().strip()
        try:
            yield environment | {"DISPLAY": f":{number}"}
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
