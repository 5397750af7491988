"""The Debian package: the application in /usr/lib/geb-chat, the command /usr/bin/geb."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

from engine import __version__
from resources.packaging.contents import FONTS
from resources.packaging.freeze import size_of
from resources.packaging.linux.tree import HERE, lay_out, set_modes

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_QT_LIBC = "2.34"
"""What Qt's wheel asks for, wherever it is packaged."""
# What the frozen application does not carry because it belongs to the graphics system.
_DEPENDS = (
    "libegl1, libgl1, libopengl0, libxcb1, libwayland-client0, libwayland-cursor0, "
    "libwayland-egl1, fontconfig"
)
_RECOMMENDS = "fonts-noto-cjk"
_DESCRIPTION = """Offline chat in Chinese and English, with the model included
 GEB Chat is a desktop application that chats in Chinese and English entirely
 on your own computer: no network, no account, no graphics card."""


def needed_libc(built_on: str) -> str:
    """Return the oldest C library that runs what was built on a system with this one.

    Python and the libraries of that system are packaged, and ask for its own.
    """
    return max(_QT_LIBC, built_on, key=lambda version: [int(part) for part in version.split(".")])


def build_deb(frozen: Path, icons: Path, dist: Path, work: Path, time: int) -> Path:
    """Build and return dist/geb-chat_VERSION_MACHINE.deb; `time` is that of all files."""
    machine = _MACHINES[os.uname().machine]
    root = work / "deb"
    shutil.rmtree(root, ignore_errors=True)
    lay_out(frozen, icons, root, "usr/lib/geb-chat")
    # Debian has the font in a package of its own.
    shutil.rmtree(root / "usr/lib/geb-chat/_internal" / FONTS)
    (root / "usr/bin").mkdir()
    (root / "usr/bin/geb").symlink_to("../lib/geb-chat/geb")
    documents = root / "usr/share/doc/geb-chat"
    documents.mkdir(parents=True)
    shutil.copy(HERE / "copyright", documents / "copyright")
    control = root / "DEBIAN"
    control.mkdir()
    (control / "control").write_text(
        "Package: geb-chat\n"
        f"Version: {__version__}\n"
        f"Architecture: {machine}\n"
        "Maintainer: The GEB Chat developers <maintainers@geb-chat.invalid>\n"
        f"Installed-Size: {size_of(root) // 1024}\n"
        f"Depends: libc6 (>= {needed_libc(platform.libc_ver()[1])}), {_DEPENDS}\n"
        f"Recommends: {_RECOMMENDS}\n"
        "Section: utils\n"
        "Priority: optional\n"
        f"Description: {_DESCRIPTION}\n",
        encoding="utf-8",
    )
    shutil.copy(HERE / "postrm", control / "postrm")
    (control / "postrm").chmod(0o755)
    set_modes(root)
    for path in [root, *root.rglob("*")]:
        os.utime(path, (time, time), follow_symlinks=False)
    target = dist / f"geb-chat_{__version__}_{machine}.deb"
    subprocess.run(
        ["dpkg-deb", "--build", "--root-owner-group", "-Zxz", str(root), str(target)],
        check=True,
        env=os.environ | {"SOURCE_DATE_EPOCH": str(time)},
        stdout=subprocess.DEVNULL,
    )
    return target
