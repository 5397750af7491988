"""What may be told about an error: where it happened and what kind it was, and nothing private.

The words of an exception may hold a message, a document's text or a title, so they are told
nowhere; of an error of the system its own words are kept ("No space left on device").
"""

import getpass
import os
import platform
import re
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Final

from engine import __version__
from engine.errors import GebError
from engine.resources import RESOURCES

_MOST_CAUSES: Final = 8


def report_of(error: BaseException) -> str:
    """Return the details of `error` that a person may pass on."""
    lines = [
        f"GEB Chat {__version__}",
        f"Python {platform.python_version()}, Qt {_qt_version()}",
        f"{platform.system()} {platform.release()} {platform.machine()}",
    ]
    return scrub("\n".join([*lines, "", *describe(error)]))


def describe(error: BaseException) -> list[str]:
    """Return the kinds and the places of `error` and of what led to it, in lines."""
    lines: list[str] = []
    for number, cause in enumerate(_causes(error)):
        lines += [*([] if number == 0 else ["", "after:"]), *_describe_one(cause)]
    return lines


def scrub(text: str) -> str:
    """Return `text` without the home folder and the name of the user."""
    home = str(Path.home())
    if len(home) > 1:
        text = text.replace(home, "~")
    for name in _user_names():
        text = re.sub(rf"(?<![\w.]){re.escape(name)}(?![\w.])", "USER", text)
    return text


def signature(error: BaseException) -> str:
    """Return what two errors of the same kind from the same place share."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__qualname__} {place}"


def _describe_one(error: BaseException) -> list[str]:
    kind = type(error)
    words = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    if isinstance(error, OSError) and error.errno is not None:
        words += f": {os.strerror(error.errno)}"
    elif isinstance(error, GebError):
        words += f": {error.message}"  # our own sentence, before its values are put in
    frames = traceback.extract_tb(error.__traceback__)
    return [
        words,
        *(f"  {_short(frame.filename)}:{frame.lineno} in {frame.name}" for frame in frames),
    ]


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and len(found) < _MOST_CAUSES and following not in found:
        found.append(following)
        hidden = following.__suppress_context__
        following = following.__cause__ or (None if hidden else following.__context__)
    return found


def _short(file: str) -> str:
    """Return where a module is inside its package, not where that lies on this computer."""
    ours = str(RESOURCES.parent)
    if file.startswith(ours):
        return file[len(ours) + 1 :]
    _, _, package = file.rpartition("site-packages" + os.sep)
    return package if package != file else Path(file).name


def _user_names() -> list[str]:
    """Return the names to hide; a very short one, or "root", says nothing about anybody."""
    names = {Path.home().name}
    with suppress(OSError, KeyError, ImportError):  # an account without a name
        names.add(getpass.getuser())
    return sorted((n for n in names if len(n) > 2 and n != "root"), key=len, reverse=True)


def _qt_version() -> str:
    core = sys.modules.get("PySide6.QtCore")
    return str(core.__version__) if core is not None else "not loaded"
