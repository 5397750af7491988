"""Whether the fonts of this computer can show Chinese, and what to do if they cannot.

The AppImage and the packages for other systems bring what they need; `make setup` and Debian's
installer install a font.
"""

from pathlib import Path
from typing import Final

from PySide6.QtGui import QFontDatabase

from engine.i18n import tr
from engine.resources import RESOURCES

BROUGHT: Final = RESOURCES / "fonts"


def bring_fonts(folder: Path = BROUGHT) -> None:
    """Use the fonts in `folder` where those of this computer are not enough."""
    if folder.is_dir() and not can_show_chinese():
        for file in sorted(folder.iterdir()):
            QFontDatabase.addApplicationFont(str(file))


def can_show_chinese() -> bool:
    """Tell whether some font covers simplified Chinese."""
    return bool(QFontDatabase.families(QFontDatabase.WritingSystem.SimplifiedChinese))


def advice() -> str:
    """Return what to install, in English where Chinese cannot be read, and in both otherwise."""
    return tr(
        "No font on this computer can show Chinese; install one, such as the package "
        "fonts-noto-cjk (中文字体缺失，请安装 fonts-noto-cjk), and start again."
    )
