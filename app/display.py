"""Whether a window can be opened here, found out before Qt is loaded: Qt itself would abort."""

import ctypes
import os
import sys
from pathlib import Path

# What Qt's X11 plugin needs beyond what importing QtWidgets loads.
_X11_LIBRARIES = ("libxkbcommon-x11.so.0", "libxcb-cursor.so.0", "libxcb-icccm.so.4")


def has_display() -> bool:
    """True if a display answers, or if QT_QPA_PLATFORM asks for one of Qt's own kinds."""
    if sys.platform != "linux" or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return _wayland_answers() or _x11_answers()


def missing_libraries() -> list[str]:
    """Return the shared libraries that a window needs on this Linux, but that are not there."""
    if sys.platform != "linux" or os.environ.get("QT_QPA_PLATFORM") or _wayland_answers():
        return []
    return [name for name in _X11_LIBRARIES if _load(name) is None]


def _wayland_answers() -> bool:
    name = os.environ.get("WAYLAND_DISPLAY")
    folder = os.environ.get("XDG_RUNTIME_DIR", "")
    return name is not None and Path(folder, name).is_socket()


def _x11_answers() -> bool:
    if not os.environ.get("DISPLAY"):
        return False
    xcb = _load("libxcb.so.1")
    if xcb is None:
        return False
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(None, None))
    failed: int = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    return failed == 0


def _load(name: str) -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None
