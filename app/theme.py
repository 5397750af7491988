"""One place for colours, spacing and fonts; light and dark follow the system while running."""

from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontInfo, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

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
    """The colours of one scheme; every text colour has a contrast of at least 4.5 to its ground."""

    page: str
    sidebar: str
    hover: str
    selected: str
    bubble: str
    border: str
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


def colors() -> Colors:
    """Return the colours of the scheme that the system asks for now."""
    scheme = QGuiApplication.styleHints().colorScheme()
    return DARK if scheme == Qt.ColorScheme.Dark else LIGHT


def install(app: QApplication) -> None:
    """Style `app` now and again whenever the system's colour scheme changes."""
    app.setStyle("Fusion")
    app.setFont(_with_han_families(app.font()))
    _Follower(app).apply()


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


class _Follower(QObject):
    """Re-applies palette and style sheet; lives as long as the application."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._app = app
        app.styleHints().colorSchemeChanged.connect(self.apply)

    def apply(self) -> None:
        self._app.setPalette(_palette(colors()))
        self._app.setStyleSheet(_style_sheet(colors()))


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
QPushButton#new {{ text-align: left; background: {c.page}; }}
QPushButton#new:hover {{ background: {c.hover}; }}

IconButton {{ background: transparent; border: 1px solid transparent; border-radius: 7px; }}
IconButton:hover {{ background: {c.hover}; }}
IconButton:focus {{ border-color: {c.accent}; }}
IconButton[filled="true"] {{ background: {c.accent}; border-radius: {BUTTON_SIZE // 2}px; }}
IconButton[filled="true"]:focus {{ border: 2px solid {c.text}; }}
IconButton[filled="true"]:disabled {{ background: {c.selected}; }}
IconButton::menu-indicator {{ image: none; }}
IconButton[flush="true"] {{ padding-right: {SPACE}px; }}
IconButton[floating="true"] {{ background: {c.page}; border: 1px solid {c.border};
    border-radius: {BUTTON_SIZE // 2}px; }}
IconButton[floating="true"]:hover {{ background: {c.hover}; }}

QLabel[muted="true"] {{ color: {c.muted}; }}
QLabel#welcomeTitle {{ font-size: 17pt; font-weight: 600; }}
QLabel#title {{ font-weight: 600; }}

NoticeBar {{ background: {c.notice}; border-radius: 8px; }}
NoticeBar QLabel {{ color: {c.on_notice}; }}
NoticeBar QPushButton {{ border: none; padding: 3px 8px; font-weight: 600; color: {c.on_notice};
    text-decoration: underline; }}
NoticeBar QPushButton:focus {{ border: 1px solid {c.on_notice}; padding: 2px 7px; }}

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
