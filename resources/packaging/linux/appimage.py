"""The AppImage: our runtime, and behind it the application as a squashfs image."""

import os
import shutil
import subprocess
from pathlib import Path

from engine import __version__
from resources.packaging.linux.graphics import FALLBACK_LIBRARIES, system_library
from resources.packaging.linux.tree import HERE, lay_out, set_modes

_MAGIC = b"AI\x02"  # where desktops look for it: byte 8, which ELF leaves free
_LIBRARIES = ("squashfuse_ll", "squashfuse", "fuse3", "z", "lzma", "zstd", "lz4", "pthread")


def build_appimage(frozen: Path, icons: Path, dist: Path, work: Path, time: int) -> Path:
    """Build and return dist/GEB_Chat-VERSION-x86_64.AppImage; `time` is that of all files."""
    machine = os.uname().machine
    root = work / "AppDir"
    shutil.rmtree(root, ignore_errors=True)
    lay_out(frozen, icons, root, "usr/lib/geb-chat")
    for name in FALLBACK_LIBRARIES:
        folder = root / "usr/lib/fallback" / name  # one each: AppRun adds those that are missing
        folder.mkdir(parents=True)
        shutil.copy(system_library(name), folder / name)
    shutil.copy(HERE / "AppRun", root / "AppRun")
    shutil.copy(HERE / "geb-chat.desktop", root / "geb-chat.desktop")
    shutil.copy(icons / "geb-chat-256.png", root / "geb-chat.png")
    (root / ".DirIcon").symlink_to("geb-chat.png")
    set_modes(root)
    image = work / "image.squashfs"
    image.unlink(missing_ok=True)
    command = ["mksquashfs", str(root), str(image), "-comp", "zstd", "-Xcompression-level", "19"]
    command += ["-all-root", "-no-xattrs", "-no-progress", "-quiet"]
    command += ["-mkfs-time", str(time), "-all-time", str(time)]
    # Without the variable: mksquashfs takes either it or the options.
    environment = {k: v for k, v in os.environ.items() if k != "SOURCE_DATE_EPOCH"}
    subprocess.run(command, check=True, env=environment)
    target = dist / f"GEB_Chat-{__version__}-{machine}.AppImage"
    target.write_bytes(_runtime(work) + image.read_bytes())
    target.chmod(0o755)
    return target


def _runtime(work: Path) -> bytes:
    """Compile the program at the head, stripped: the image must begin where the program ends."""
    program = work / "appimage-runtime"
    command = ["gcc", "-Os", "-static", "-s", "-Wl,--build-id=none", "-D_FILE_OFFSET_BITS=64"]
    command += ["-o", str(program), str(HERE / "appimage_runtime.c")]
    subprocess.run(command + [f"-l{name}" for name in _LIBRARIES], check=True)
    content = bytearray(program.read_bytes())
    content[8:11] = _MAGIC
    return bytes(content)
