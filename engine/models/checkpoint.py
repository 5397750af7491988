"""Adding a checkpoint: `python -m export` turns it into a model folder, in a process of its own."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from queue import Empty, SimpleQueue

from engine.errors import BundleError
from engine.i18n import language
from engine.models.importing import ImportStoppedError, free_target

_NEEDED = ("export", "torch", "safetensors", "onnx", "onnx_ir", "transformers")
_WEIGHTS = ("*.safetensors", "*.bin", "*.pt", "*.pth")
_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 5.0


def is_checkpoint(folder: Path) -> bool:
    """Tell whether a folder holds a model for training rather than one to chat with."""
    if list(folder.glob("*.onnx")) or (folder / "onnx").is_dir():
        return False
    return any(next(folder.glob(pattern), None) for pattern in _WEIGHTS)


def import_checkpoint(
    source: Path,
    on_line: Callable[[str], None] = lambda _line: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Path:
    """Export the checkpoint `source` to the installed models and return where it is.

    `on_line` hears what the export says of its progress. Raises BundleError with nothing added
    if the tools for it are not installed, if the export fails, or if it is stopped.
    """
    target = free_target(source)
    if any(find_spec(name) is None for name in _NEEDED):
        raise BundleError(
            "This folder is a checkpoint, and the tools that export it are not installed. Install "
            "them with: pip install 'geb-chat[export]'"
        )
    process = subprocess.Popen(  # noqa: S603 our own program
        [sys.executable, "-m", "export", "--checkpoint", source, "--out", target],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "LC_ALL": f"{language()}.UTF-8", "PYTHONUTF8": "1"},
    )
    try:
        last = _listen(process, on_line, is_cancelled)
    finally:
        _end(process)
        for leftover in target.parent.glob(f".{target.name}.*"):
            shutil.rmtree(leftover, ignore_errors=True)
    if process.returncode:
        raise BundleError("The checkpoint cannot be imported: {detail}", detail=last)
    return target


def _listen(
    process: "subprocess.Popen[str]",
    on_line: Callable[[str], None],
    is_cancelled: Callable[[], bool],
) -> str:
    """Pass on what a process says; return its last line. Raises ImportStoppedError."""
    lines: SimpleQueue[str | None] = SimpleQueue()

    def read() -> None:
        assert process.stdout is not None  # noqa: S101 it is a pipe
        with process.stdout as said:
            for line in said:
                lines.put(line)
        lines.put(None)

    threading.Thread(target=read, name="export-output", daemon=True).start()
    last = ""
    while True:
        if is_cancelled():
            raise ImportStoppedError
        try:
            line = lines.get(timeout=_POLL_SECONDS)
        except Empty:
            continue
        if line is None:
            return last
        if line.strip():
            last = line.strip()
            on_line(last)


def _end(process: "subprocess.Popen[str]") -> None:
    """Wait for the end of a process that has said everything, or was stopped."""
    if process.poll() is None:
        try:
            process.wait(timeout=_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            process.terminate()
    try:
        process.wait(timeout=_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
