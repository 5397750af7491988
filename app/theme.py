"""One place for colours, spacing and fonts: as the system says, or as the person chose."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QFontInfo,
    QGuiApplication,
    QPalette,
    QStyleHints,
)
from PySide6.QtWidgets import QApplication

from app.colors import DARK as DARK
from app.colors import DARK_CONTRAST, LIGHT_CONTRAST, SCHEMES, Colors
from app.colors import LIGHT as LIGHT
from app.follow import Followers
from app.sizes import BUTTON_SIZE as BUTTON_SIZE
from app.sizes import COLUMN_WIDTH as COLUMN_WIDTH
from app.sizes import ICON_SIZE as ICON_SIZE
from app.sizes import SIDEBAR_WIDTH as SIDEBAR_WIDTH
from app.sizes import SPACE as SPACE
from app.style_sheet import style_sheet

LINE_HEIGHT_EM: Final = 1.65
"""Room enough for Chinese; fixed, because fonts differ by half in what they ask for."""
MESSAGE_FONT_SCALE: Final = 1.08
_THIN: Final = 3
"""Pixels: lines up to this width stay as thin when text grows."""
CODE_SCALE: Final = 0.92
"""Letters of one width look larger than those of text."""

HAN_FAMILIES: Final = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "PingFang SC",
    "Microsoft YaHei UI",
    "WenQuanYi Micro Hei",
)
"""Tried in this order for Chinese. Without a named family, Han characters get Japanese shapes."""


def colors() -> Colors:
    """Return the colours of the scheme that was chosen, or that the system asks for now."""
    if _look.scheme in SCHEMES:
        return SCHEMES[_look.scheme]
    hints = _look.hints or QGuiApplication.styleHints()
    dark = hints.colorScheme() == Qt.ColorScheme.Dark
    if hints.accessibility().contrastPreference() == Qt.ContrastPreference.HighContrast:
        return DARK_CONTRAST if dark else LIGHT_CONTRAST
    return DARK if dark else LIGHT


def scaled(pixels: float) -> int:
    """Return a length that is meant for text of 100 %, for text of the size that is on now."""
    return max(1, round(pixels * _look.font_scale / 100))


def follow_scale(method: Callable[[], object]) -> None:
    """Call `method`, of a QObject, now and whenever the size of text changes."""
    _look.followers.add(method)


def install(app: QApplication, scheme: str = "system", font_scale: int = 100) -> None:
    """Style `app` now and again whenever the system's colours change."""
    app.setStyle("Fusion")
    _look.base_font = _with_han_families(app.font())
    _look.hints = app.styleHints()
    _look.hints.colorSchemeChanged.connect(_apply)
    _look.hints.accessibility().contrastPreferenceChanged.connect(_apply)
    choose(scheme, font_scale)


def choose(scheme: str, font_scale: int) -> None:
    """Use a scheme (one of SCHEMES, or "system") and a size of text in percent, at once."""
    resized = font_scale != _look.font_scale
    _look.scheme, _look.font_scale = scheme, font_scale
    font = QFont(_look.base_font)
    font.setPointSizeF(font.pointSizeF() * font_scale / 100)
    if font != QApplication.font():
        QApplication.setFont(font)
    _apply()
    if resized:
        _look.followers.call()


def message_font() -> QFont:
    """Return the font of the transcript and the composer."""
    font = QFont(QApplication.font())
    font.setPointSizeF(font.pointSizeF() * MESSAGE_FONT_SCALE)
    return font


def code_font() -> QFont:
    """Return the font of code, with the Chinese families behind it."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPointSizeF(message_font().pointSizeF() * CODE_SCALE)
    return _with_han_families(font)


@dataclass
class _Look:
    """What was chosen; there is one application in a process."""

    scheme: str = "system"
    font_scale: int = 100
    base_font: QFont = field(default_factory=QFont)
    hints: QStyleHints | None = None  # kept: without it PySide lets go of its part too early
    followers: Followers = field(default_factory=Followers)


_look: Final = _Look()


def _apply() -> None:
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        return
    app.setPalette(_palette(colors()))
    app.setStyleSheet(_at_scale(style_sheet(colors())))


def _at_scale(sheet: str) -> str:
    """Return a style sheet that is written for text of 100 %, with lines as thin as they were."""

    def length(match: re.Match[str]) -> str:
        number, unit = float(match[1]), match[2]
        if unit == "pt":
            return f"{number * _look.font_scale / 100:g}pt"
        return match[0] if number <= _THIN else f"{scaled(number)}px"

    return re.sub(r"\b(\d+(?:\.\d+)?)(px|pt)\b", length, sheet)


def _with_han_families(font: QFont) -> QFont:
    """Return `font` with Chinese families behind its own, so that Latin text keeps its look."""
    own = QFontInfo(font).family()  # the real one: a generic "Sans Serif" would be passed over
    font.setFamilies([own, *(family for family in HAN_FAMILIES if family != own)])
    return font


def _palette(c: Colors) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette(QColor(c.page))
    for target, color in {
        role.Window: c.page,
        role.Base: c.page,
        role.AlternateBase: c.sidebar,
        role.Button: c.sidebar,
        role.ToolTipBase: c.text,
        role.ToolTipText: c.page,
        role.WindowText: c.text,
        role.Text: c.text,
        role.ButtonText: c.text,
        role.PlaceholderText: c.muted,
        role.Highlight: c.selection,
        role.HighlightedText: c.text,
        role.Accent: c.accent,
        role.Link: c.accent,
    }.items():
        palette.setColor(target, QColor(color))
    for target in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, target, QColor(c.muted))
    return palette
