"""Whether a window can be opened here, found out before Qt is imported: Qt would abort."""

import ctypes
import os
import sys
from pathlib import Path

# What PySide6's wheel needs of the system; every desktop has the rest.
_LIBRARIES = ("libEGL.so.1", "libGL.so.1", "libfontconfig.so.1", "libdbus-1.so.3")
_X11_LIBRARIES = ("libxkbcommon-x11.so.0", "libxcb-cursor.so.0", "libxcb-icccm.so.4")


def has_display() -> bool:
    """True if a display answers, or if QT_QPA_PLATFORM asks for one of Qt's own choice."""
    if sys.platform != "linux" or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return _wayland_answers() or _x11_answers()


def missing_libraries() -> list[str]:
    """Return the names of the shared libraries that Qt needs and this Linux lacks."""
    if sys.platform != "linux":
        return []
    needed = list(_LIBRARIES)
    if not os.environ.get("QT_QPA_PLATFORM") and not _wayland_answers():
        needed += _X11_LIBRARIES
    return [name for name in needed if _load(name) is None]


def _wayland_answers() -> bool:
    name = os.environ.get("WAYLAND_DISPLAY")
    folder = os.environ.get("XDG_RUNTIME_DIR", "")
    return bool(name) and Path(folder, str(name)).is_socket()


def _x11_answers() -> bool:
    if not os.environ.get("DISPLAY"):
        return False
    xcb = _load("libxcb.so.1")
    if xcb is None:
        return True  # missing_libraries knows more
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(None, None))
    answers = xcb.xcb_connection_has_error(connection) == 0
    xcb.xcb_disconnect(connection)
    return answers


def _load(name: str) -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None
