"""The libraries of the graphics system, which belong to the system and not into the package."""

import subprocess
from pathlib import Path

FALLBACK_LIBRARIES = (
    "libEGL.so.1",
    "libGL.so.1",
    "libGLX.so.0",
    "libGLdispatch.so.0",
    "libOpenGL.so.0",
)
"""What Qt is linked to even where nothing is drawn with OpenGL (all MIT, from libglvnd)."""


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
