"""The files that .deb and AppImage have in common: programs, desktop entry, icons, MIME types."""

import os
import shutil
from pathlib import Path

from resources.packaging.icons import SIZES

HERE = Path(__file__).parent


def lay_out(frozen: Path, icons: Path, root: Path, library: str) -> None:
    """Fill `root` as a Unix system: the application in root/`library`, its description in share/.

    `library` is relative to root, e.g. "usr/lib/geb-chat".
    """
    shutil.copytree(frozen, root / library, symlinks=True)
    share = root / "usr/share"
    places = {
        "geb-chat.desktop": "applications",
        "geb-chat.metainfo.xml": "metainfo",
        "geb-chat-mime.xml": "mime/packages",
    }
    for name, folder in places.items():
        (share / folder).mkdir(parents=True)
        shutil.copyfile(HERE / name, share / folder / name)
    for size in SIZES:
        if size <= 512:
            target = share / f"icons/hicolor/{size}x{size}/apps/geb-chat.png"
            target.parent.mkdir(parents=True)
            shutil.copyfile(icons / f"geb-chat-{size}.png", target)
    scalable = share / "icons/hicolor/scalable/apps/geb-chat.svg"
    scalable.parent.mkdir(parents=True)
    shutil.copyfile(HERE.parents[1] / "icons/geb-chat.svg", scalable)


def set_modes(root: Path) -> None:
    """Let everybody read what is below `root`, whatever the builder's mask for new files is."""
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
