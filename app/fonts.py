"""Whether the fonts of this computer can show Chinese, and what to do if they cannot.

None is bundled: desktops on which Chinese is read have one, and `make setup` installs one.
"""

from PySide6.QtGui import QFontDatabase

from engine.i18n import tr


def can_show_chinese() -> bool:
    """Tell whether some font covers simplified Chinese."""
    return bool(QFontDatabase.families(QFontDatabase.WritingSystem.SimplifiedChinese))


def advice() -> str:
    """Return what to install, in English where Chinese cannot be read, and in both otherwise."""
    return tr(
        "No font on this computer can show Chinese; install one, such as the package "
        "fonts-noto-cjk (中文字体缺失，请安装 fonts-noto-cjk), and start again."
    )
