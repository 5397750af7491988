"""How every widget looks, in Qt's style sheets. Later rules win over earlier ones.

Written for text of 100 %: app.theme makes the lengths larger.
"""

from PySide6.QtGui import QColor

from app.colors import Colors
from app.sizes import BUTTON_SIZE, SPACE
from engine.resources import RESOURCES


def style_sheet(c: Colors) -> str:
    """Return the style sheet of the whole application in these colours."""
    parts = (
        _lists,
        _buttons,
        _fields,
        _texts,
        _documents,
        _messages,
        _tables,
        _menus,
    )
    return "\n".join(part(c) for part in parts)


def _icon(name: str) -> str:
    return (RESOURCES / "icons" / f"{name}.svg").as_posix()


def _kind(color: str) -> str:
    return "light" if QColor(color).lightness() > 127 else "dark"


def _lists(c: Colors) -> str:
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
"""


def _buttons(c: Colors) -> str:
    return f"""
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
"""


def _fields(c: Colors) -> str:
    return f"""
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
"""


def _texts(c: Colors) -> str:
    return f"""
QLabel[muted="true"] {{ color: {c.muted}; }}
QLabel#welcomeTitle {{ font-size: 17pt; font-weight: 600; }}
QLabel#title {{ font-weight: 600; }}

NoticeBar {{ background: {c.notice}; border-radius: 8px; }}
NoticeBar QLabel {{ color: {c.on_notice}; }}
NoticeBar QPushButton {{ border: none; padding: 3px 8px; font-weight: 600; color: {c.on_notice};
    text-decoration: underline; }}
NoticeBar QPushButton:focus {{ border: 1px solid {c.on_notice}; padding: 2px 7px; }}
"""


def _documents(c: Colors) -> str:
    return f"""
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
"""


def _messages(c: Colors) -> str:
    return f"""
QFrame#bubble {{ background: {c.bubble}; border-radius: 12px; }}
QFrame#composerFrame {{ background: {c.page}; border: 1px solid {c.border}; border-radius: 14px; }}
QFrame#composerFrame[active="true"] {{ border-color: {c.accent}; }}
QFrame#code {{ background: {c.code}; border-radius: 10px; }}
TextBlock, ComposerEdit {{ background: transparent; border: none; }}
"""


def _tables(c: Colors) -> str:
    return f"""
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
"""


def _menus(c: Colors) -> str:
    return f"""
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
