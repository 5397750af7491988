"""The libraries of the graphics system, which belong to the system and not into the package.

PyInstaller leaves them out: they fit the drivers of a computer. Every desktop has them, a bare
system has not.
"""

import subprocess
from pathlib import Path

FALLBACK_LIBRARIES = (
    # What Qt is linked to even where nothing is drawn with OpenGL.
    "libEGL.so.1",
    "libGL.so.1",
    "libGLX.so.0",
    "libGLdispatch.so.0",
    "libOpenGL.so.0",
    # How a window reaches the display.
    "libxcb.so.1",
    "libXau.so.6",
    "libXdmcp.so.6",
    "libbsd.so.0",
    "libmd.so.0",
    "libwayland-client.so.0",
    "libwayland-cursor.so.0",
    "libwayland-egl.so.1",
)
"""What the AppImage carries for a system without them; a .deb asks for their packages."""


def system_library(name: str) -> Path:
    """Return the file that the dynamic linker finds under `name`.

    Raises SystemExit where this system does not have it.
    """
    listed = subprocess.run(
        ["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True
    ).stdout
    for line in listed.splitlines():
        words = line.split()
        if words and words[0] == name and "x86-64" in line:
            return Path(words[-1]).resolve()
    raise SystemExit(f"{name} is missing on this system; install Debian's libegl1 and libgl1.")
