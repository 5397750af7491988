"""The process that reads files: `python -m engine.documents.child`, started by sandbox.py.

A request is a line of JSON on the standard input; an answer is eight bytes that give the length
of what follows, on the standard output.
"""

import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, BinaryIO

from engine.documents.confinement import (
    allow_time,
    confine,
    exhausted,
    limit_memory,
)
from engine.documents.failures import failure
from engine.documents.picture import PictureRequest
from engine.documents.reading.pdf_picture import draw_page
from engine.documents.reading.read import read_document
from engine.documents.wire import picture_to_json, to_json
from engine.errors import DocumentError
from engine.priority import give_way

_NICE = 19


def main() -> int:
    """Answer until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    with _own_output() as output:
        give_way(_NICE)
        confine()
        for line in sys.stdin.buffer:
            request = json.loads(line)
            limit_memory(request["memory_bytes"])
            allow_time(request["cpu_seconds"])
            answer = _answer(request)
            last = answer is None or exhausted(request["memory_bytes"])
            # A process that ran out of memory, or kept much of it, makes room for a fresh one.
            _send(output, b"L" if last else b"M", answer or _failed(failure("memory_limit")))
            if last:
                break
    return 0


def _answer(request: dict[str, Any]) -> bytes | None:
    """Return what was asked for or the reason why there is none; None when memory ran out."""
    path = Path(os.fsdecode(bytes.fromhex(request["path"])))
    try:
        if "picture" in request:
            return picture_to_json(draw_page(path, PictureRequest(**request["picture"])))
        return to_json(read_document(path))
    except DocumentError as error:
        return _failed(error)
    except MemoryError:
        return None
    except RecursionError:
        return _failed(failure("damaged"))
    except Exception:  # noqa: BLE001 (no file may end the process that others wait for)
        return _failed(failure("crashed"))


def _failed(error: DocumentError) -> bytes:
    return json.dumps({"code": error.code, "detail": error.values.get("detail", "")}).encode()


def _send(output: BinaryIO, mark: bytes, answer: bytes) -> None:
    with contextlib.suppress(BrokenPipeError):
        output.write(mark + len(answer).to_bytes(8, "big") + answer)
        output.flush()


def _own_output() -> BinaryIO:
    """Return the standard output, and let whatever libraries print go nowhere."""
    output = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return output


if __name__ == "__main__":
    sys.exit(main())
