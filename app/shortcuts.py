"""The page of shortcuts: every action with its keys, and those of text boxes and other windows."""

from collections.abc import Iterable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShowEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.actions import Action, Group
from engine.i18n import tr


class ShortcutsPage(QDialog):
    """A list by group; it is made anew each time, and so speaks the language in use."""

    def __init__(self, actions: Sequence[Action], parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Keyboard shortcuts"))
        self.list = _make_list()
        for group in Group:
            rows = [(a.text(), _keys(a)) for a in actions if a.group is group]
            _add_group(self.list, group.title, rows)
        _add_group(self.list, tr("Writing"), _writing_keys())
        _add_group(self.list, tr("Selecting in the conversation"), _selecting_keys())
        _add_group(self.list, tr("Documents and sources"), _document_keys())
        self.list.expandAll()
        model = self.list.model()
        self.list.setCurrentIndex(model.index(0, 0, model.index(0, 0)))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.close)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[2 * theme.SPACE] * 4)
        column.setSpacing(2 * theme.SPACE)
        column.addWidget(self.list)
        column.addWidget(buttons)
        self.resize(560, 600)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.list.doItemsLayout()  # only now the style sheet says how high an item is

    def rows(self) -> list[tuple[str, str]]:
        """Return what is listed: texts and keys."""
        model = self.list.model()
        groups = [model.index(n, 0) for n in range(model.rowCount())]
        lines = [
            (model.index(n, 0, g), model.index(n, 1, g))
            for g in groups
            for n in range(model.rowCount(g))
        ]
        return [(str(text.data()), str(keys.data())) for text, keys in lines]


def _keys(action: Action) -> str:
    native = QKeySequence.SequenceFormat.NativeText
    return tr(" or ").join(keys.toString(native) for keys in action.shortcuts()) or tr(
        "in the palette"
    )


def _writing_keys() -> list[tuple[str, str]]:
    """Return what the keys of a text box do, which are no actions."""
    return [
        (tr("Send the message"), _native("Return")),
        (tr("Start a new line"), _native("Shift+Return")),
        (tr("Save a changed answer"), _native("Ctrl+Return")),
        (tr("Go to the next control"), _native("Tab")),
        (tr("Go to the previous control"), _native("Shift+Tab")),
    ]


def _selecting_keys() -> list[tuple[str, str]]:
    """Return what keys do in a message that has the focus."""
    return [
        (tr("Select, over code and tables too"), tr("Shift with arrows")),
        (
            tr("Select the message, then the conversation"),
            _native(QKeySequence.StandardKey.SelectAll),
        ),
        (tr("Copy what is selected"), _native(QKeySequence.StandardKey.Copy)),
    ]


def _document_keys() -> list[tuple[str, str]]:
    """Return the keys of the library, of the page of a source and of attached files."""
    return [
        (tr("Search in all documents"), _native("Ctrl+F")),
        (tr("Rename collection"), _native("F2")),
        (tr("Remove collection"), _native("Del")),
        (tr("Previous page"), _native("Ctrl+PgUp")),
        (tr("Next page"), _native("Ctrl+PgDown")),
        (tr("Remove an attached file"), _native("Del")),
    ]


def _native(keys: str | QKeySequence.StandardKey) -> str:
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)


def _make_list() -> QTreeWidget:
    tree = QTreeWidget()
    tree.setAccessibleName(tr("Keyboard shortcuts"))
    tree.setHeaderLabels([tr("Action"), tr("Keys")])
    tree.setColumnCount(2)
    tree.setRootIsDecorated(False)
    tree.setUniformRowHeights(True)
    tree.setItemsExpandable(False)
    tree.setIndentation(2 * theme.SPACE)
    tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
    return tree


def _add_group(tree: QTreeWidget, title: str, rows: Iterable[tuple[str, str]]) -> None:
    items = [QTreeWidgetItem(list(row)) for row in rows]
    if not items:
        return
    group = QTreeWidgetItem([title])
    group.setFlags(Qt.ItemFlag.ItemIsEnabled)
    font = group.font(0)
    font.setBold(True)
    group.setFont(0, font)
    group.addChildren(items)
    tree.addTopLevelItem(group)
    group.setFirstColumnSpanned(True)
