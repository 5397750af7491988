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

from app.follow import Followers
from engine.resources import RESOURCES

SPACE: Final = 8
"""Pixels: the unit of all margins and gaps."""
COLUMN_WIDTH: Final = 760
"""Pixels: the widest line of text that is still comfortable to read."""
SIDEBAR_WIDTH: Final = 248
BUTTON_SIZE: Final = 32
ICON_SIZE: Final = 18
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


@dataclass(frozen=True)
class Colors:
    """The colours of one scheme.

    Every text colour has a contrast of at least 4.5 to its ground, and of 7 in the two schemes
    of high contrast.
    """

    page: str
    sidebar: str
    hover: str
    selected: str
    bubble: str
    border: str
    outline: str
    """Of panels that their ground sets apart already, where contrast is to be high."""
    text: str
    muted: str
    accent: str
    on_accent: str
    selection: str
    notice: str
    on_notice: str
    code: str
    code_keyword: str
    code_string: str
    code_number: str
    code_comment: str
    code_name: str


LIGHT: Final = Colors(
    page="#ffffff",
    sidebar="#f5f6f5",
    hover="#ebeeec",
    selected="#dfe6e3",
    bubble="#eef3f1",
    border="#dcdfdd",
    outline="transparent",
    text="#1e2322",
    muted="#5f6865",
    accent="#0b6e69",
    on_accent="#ffffff",
    selection="#bfe0dc",
    notice="#fdf3dc",
    on_notice="#5e4304",
    code="#f3f5f4",
    code_keyword="#8a2f7d",
    code_string="#2c6a25",
    code_number="#9a4a08",
    code_comment="#65706c",
    code_name="#1f5aa0",
)
DARK: Final = Colors(
    page="#1b1e1e",
    sidebar="#151717",
    hover="#232727",
    selected="#2c3232",
    bubble="#2a3030",
    border="#363c3c",
    outline="transparent",
    text="#e5e8e6",
    muted="#9ba5a2",
    accent="#5cc0b8",
    on_accent="#0d1f1e",
    selection="#215a56",
    notice="#3a3119",
    on_notice="#f1dca6",
    code="#232828",
    code_keyword="#dd9fd3",
    code_string="#9fcb93",
    code_number="#e3b27c",
    code_comment="#929c99",
    code_name="#93bdf0",
)


LIGHT_CONTRAST: Final = Colors(
    page="#ffffff",
    sidebar="#ffffff",
    hover="#e4e4e4",
    selected="#cfe2ff",
    bubble="#ffffff",
    border="#000000",
    outline="#000000",
    text="#000000",
    muted="#2b2b2b",
    accent="#003a9b",
    on_accent="#ffffff",
    selection="#ffe45c",
    notice="#fff6c8",
    on_notice="#000000",
    code="#ffffff",
    code_keyword="#7a006b",
    code_string="#0a4d00",
    code_number="#6b2d00",
    code_comment="#3d3d3d",
    code_name="#003a9b",
)
DARK_CONTRAST: Final = Colors(
    page="#000000",
    sidebar="#000000",
    hover="#262626",
    selected="#10315c",
    bubble="#000000",
    border="#ffffff",
    outline="#ffffff",
    text="#ffffff",
    muted="#dedede",
    accent="#ffe14d",
    on_accent="#000000",
    selection="#0a4fb0",
    notice="#000000",
    on_notice="#ffe14d",
    code="#000000",
    code_keyword="#ffa6f2",
    code_string="#a5f29a",
    code_number="#ffc48a",
    code_comment="#cfcfcf",
    code_name="#9fd0ff",
)
SCHEMES: Final = {
    "light": LIGHT,
    "dark": DARK,
    "high-contrast-light": LIGHT_CONTRAST,
    "high-contrast-dark": DARK_CONTRAST,
}


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
    app.setStyleSheet(_at_scale(_style_sheet(colors())))


def _at_scale(sheet: str) -> str:
    """Return a style sheet that is written for text of 100 %, with lines as thin as they were."""

    def length(match: re.Match[str]) -> str:
        number, unit = float(match[1]), match[2]
        if unit == "pt":
            return f"{number * _look.font_scale / 100:g}pt"
        return match[0] if number <= _THIN else f"{scaled(number)}px"

    return re.sub(r"\b(\d+(?:\.\d+)?)(px|pt)\b", length, sheet)


def _icon(name: str) -> str:
    return (RESOURCES / "icons" / f"{name}.svg").as_posix()


def _kind(color: str) -> str:
    return "light" if QColor(color).lightness() > 127 else "dark"


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


def _style_sheet(c: Colors) -> str:
    return f"""
QWidget#sidebar, QListView {{ background: {c.sidebar}; }}
QSplitter::handle {{ background: {c.border}; }}
QToolTip {{ background: {c.text}; color: {c.page}; border: none; padding: 4px 6px; }}

QListView {{ border: none; outline: none; }}
QListView::item {{ padding: 7px 10px; border-radius: 7px; color: {c.text}; }}
QListView::item:hover {{ background: {c.hover}; }}
QListView::item:selected {{ background: {c.selected}; color: {c.text}; }}
QListView::item:focus {{ border: 1px solid {c.accent}; padding: 6px 9px; }}
QListView QLineEdit {{ background: {c.page}; border: 1px solid {c.accent};
    border-radius: 7px; padding: 0 10px; }}

QPushButton {{ background: transparent; border: 1px solid {c.border}; border-radius: 8px;
    padding: 6px 12px; color: {c.text}; }}
QPushButton:hover {{ background: {c.hover}; }}
QPushButton:focus {{ border-color: {c.accent}; }}
QPushButton[primary="true"] {{ background: {c.accent}; border-color: {c.accent};
    color: {c.on_accent}; }}
QPushButton[primary="true"]:focus {{ border: 2px solid {c.text}; padding: 5px 11px; }}
QPushButton[primary="true"]:disabled {{ background: {c.selected}; border-color: {c.selected};
    color: {c.muted}; }}
QPushButton[quiet="true"] {{ padding: 4px 10px; }}
QPushButton:disabled {{ color: {c.muted}; border-color: {c.hover}; }}
QPushButton#model {{ border-color: transparent; color: {c.muted}; padding: 2px 20px 2px 6px; }}
QPushButton#model:focus {{ border-color: {c.accent}; }}
QPushButton#side {{ text-align: left; border-color: transparent; color: {c.muted}; }}
QPushButton#side:focus {{ border-color: {c.accent}; }}
QPushButton[link="true"] {{ border: 1px solid transparent; padding: 1px 6px; color: {c.accent}; }}
QPushButton[link="true"]:focus {{ border-color: {c.accent}; }}
QPushButton#new {{ text-align: left; background: {c.page}; }}
QPushButton#new:hover {{ background: {c.hover}; }}

IconButton {{ background: transparent; border: 1px solid transparent; border-radius: 7px; }}
IconButton:hover {{ background: {c.hover}; }}
IconButton:focus {{ border-color: {c.accent}; }}
IconButton[filled="true"] {{ background: {c.accent}; border-radius: {BUTTON_SIZE // 2}px; }}
IconButton[filled="true"]:focus {{ border: 2px solid {c.text}; }}
IconButton[filled="true"]:disabled {{ background: {c.selected}; }}
IconButton::menu-indicator {{ image: none; }}
QPushButton::menu-indicator {{ image: url("{_icon("control-down")}"); width: 12px; height: 12px;
    subcontrol-origin: padding; subcontrol-position: center right; right: 6px; }}
IconButton[flush="true"] {{ padding-right: {SPACE}px; }}
IconButton[floating="true"] {{ background: {c.page}; border: 1px solid {c.border};
    border-radius: {BUTTON_SIZE // 2}px; }}
IconButton[floating="true"]:hover {{ background: {c.hover}; }}

QLineEdit, QPlainTextEdit, QComboBox, QAbstractSpinBox {{ background: {c.page};
    border: 1px solid {c.border}; border-radius: 7px; padding: 5px 8px; color: {c.text};
    selection-background-color: {c.selection}; selection-color: {c.text};
    placeholder-text-color: {c.muted}; }}
QAbstractSpinBox QLineEdit {{ border: none; border-radius: 0; background: transparent;
    padding: 0 0 0 6px; }}
QLineEdit:focus, QPlainTextEdit:focus, QComboBox:focus, QAbstractSpinBox:focus {{
    border-color: {c.accent}; }}
QLineEdit:read-only, QPlainTextEdit:read-only {{ color: {c.muted}; }}
QAbstractSpinBox {{ padding-right: 26px; }}
QComboBox::drop-down, QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ border: none;
    background: transparent; width: 24px; }}
QComboBox::down-arrow, QAbstractSpinBox::down-arrow {{ image: url("{_icon("control-down")}");
    width: 12px; height: 12px; }}
QAbstractSpinBox::up-arrow {{ image: url("{_icon("control-up")}"); width: 12px; height: 12px; }}
QComboBox QAbstractItemView {{ background: {c.page}; border: 1px solid {c.border};
    color: {c.text}; selection-background-color: {c.selected}; selection-color: {c.text}; }}
QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
QCheckBox {{ spacing: 8px; }}
QCheckBox::indicator {{ width: 16px; height: 16px; border: 1px solid {c.muted};
    border-radius: 4px; background: {c.page}; }}
QCheckBox::indicator:focus {{ border: 2px solid {c.accent}; }}
QCheckBox::indicator:checked {{ background: {c.accent}; border-color: {c.accent};
    image: url("{_icon(f"control-check-{_kind(c.on_accent)}")}"); }}
QLabel#settingName {{ font-weight: 600; }}
QListWidget {{ border: 1px solid {c.outline}; border-radius: 8px; padding: 4px; }}
QDialog {{ background: {c.page}; }}
QDialog QScrollArea, QDialog QScrollArea > QWidget > QWidget {{ background: transparent; }}
QDialog QScrollArea#page, QDialog#preview > QStackedWidget > QTextEdit {{
    border: 1px solid {c.border}; border-radius: 8px; background: {c.page}; }}

QLabel[muted="true"] {{ color: {c.muted}; }}
QLabel#welcomeTitle {{ font-size: 17pt; font-weight: 600; }}
QLabel#title {{ font-weight: 600; }}

NoticeBar {{ background: {c.notice}; border-radius: 8px; }}
NoticeBar QLabel {{ color: {c.on_notice}; }}
NoticeBar QPushButton {{ border: none; padding: 3px 8px; font-weight: 600; color: {c.on_notice};
    text-decoration: underline; }}
NoticeBar QPushButton:focus {{ border: 1px solid {c.on_notice}; padding: 2px 7px; }}

QDialog#documents QSplitter::handle {{ background: transparent; }}
QToolButton#scope {{ border: none; border-radius: 7px; padding: 3px 8px; color: {c.muted}; }}
QToolButton#scope:hover {{ background: {c.hover}; }}
QToolButton#scope[active="true"] {{ color: {c.accent}; }}
QToolButton#scope:focus {{ border: 1px solid {c.accent}; padding: 2px 7px; }}
QToolButton#scope::menu-indicator {{ image: none; }}
QFrame#attachedFile {{ border: 1px solid {c.border}; border-radius: 8px; background: {c.page}; }}
QPushButton#source {{ text-align: left; border: 1px solid {c.border}; padding: 4px 10px;
    color: {c.text}; }}
QPushButton#source:hover {{ border-color: {c.accent}; }}
QProgressBar {{ background: {c.selected}; border: none; border-radius: 3px; max-height: 6px; }}
QProgressBar::chunk {{ background: {c.accent}; border-radius: 3px; }}
QTableView {{ background: {c.page}; border: 1px solid {c.border}; border-radius: 8px; }}
QTableView::item {{ padding: 0 5px; }}
QHeaderView::section {{ background: {c.sidebar}; color: {c.muted}; border: none;
    padding: 5px 8px; }}

QFrame#bubble {{ background: {c.bubble}; border-radius: 12px; }}
QFrame#composerFrame {{ background: {c.page}; border: 1px solid {c.border}; border-radius: 14px; }}
QFrame#composerFrame[active="true"] {{ border-color: {c.accent}; }}
QFrame#code {{ background: {c.code}; border-radius: 10px; }}
TextBlock, ComposerEdit {{ background: transparent; border: none; }}

QDialog#commandPalette {{ background: {c.page}; border: 1px solid {c.border}; }}
QDialog#commandPalette QListView {{ background: {c.page}; }}
QLineEdit {{ background: {c.page}; border: 1px solid {c.border}; border-radius: 7px;
    padding: 6px 9px; }}
QLineEdit:focus {{ border-color: {c.accent}; }}
QTreeView {{ background: {c.page}; border: 1px solid {c.border}; border-radius: 7px;
    outline: none; }}
QTreeView::item {{ min-height: 26px; }}
QTreeView::item:selected {{ background: {c.selected}; color: {c.text}; }}
QHeaderView::section {{ background: {c.sidebar}; border: none; padding: 6px 9px;
    color: {c.muted}; }}

QFrame#bubble, QFrame#code, NoticeBar {{ border: 1px solid {c.outline}; }}
QListView::item:selected {{ border: 1px solid {c.outline}; padding: 6px 9px; }}

QMenu {{ background: {c.page}; border: 1px solid {c.border}; padding: 4px; }}
QMenu::item {{ padding: 6px 22px 6px 12px; border-radius: 5px; }}
QMenu::item:selected {{ background: {c.selected}; color: {c.text}; }}
QMenu::item:disabled {{ color: {c.muted}; }}
QMenu::separator {{ height: 1px; background: {c.border}; margin: 4px 8px; }}

QScrollBar:vertical {{ background: transparent; width: 10px; margin: 2px; }}
QScrollBar::handle:vertical {{ background: {c.border}; border-radius: 3px; min-height: 32px; }}
QScrollBar::handle:vertical:hover {{ background: {c.muted}; }}
QScrollBar::handle:vertical:disabled {{ background: transparent; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 2px; }}
QScrollBar::handle:horizontal {{ background: {c.border}; border-radius: 3px; min-width: 32px; }}
QScrollBar::handle:horizontal:hover {{ background: {c.muted}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
"""
