"""The library: collections on the left, the files of one on the right, a search over all."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QShowEvent
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QInputDialog,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QMessageBox,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.actions import Group, add_action
from app.documents.beginning import Beginning
from app.documents.choosing import Chooser
from app.documents.collection_page import CollectionPage
from app.documents.events import LibraryEvents
from app.documents.found_list import FoundList
from app.documents.waiting import Waiting
from app.notice import NoticeBar
from app.texts import follow_language, show_text
from engine.documents.library.types import Collection
from engine.documents.passages import RetrievedPassage
from engine.documents.service import DocumentService
from engine.errors import GebError, StoreError
from engine.i18n import to_translate, tr

_SIZE: Final = (860, 600)
_FOUND: Final = 20
_MOST_ROOTS: Final = 20
"""Folders and files of a collection that its menu offers to take out."""
_ID: Final = Qt.ItemDataRole.UserRole


class DocumentsWindow(QDialog):
    """Shows a library and changes it; it stays open beside the chat."""

    opened = Signal(object)
    """A Citation is to be shown in its document."""
    ask = Signal(int)
    """The open conversation is to ask this collection."""

    def __init__(self, service: DocumentService, events: LibraryEvents, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("documents")
        self.setAcceptDrops(True)
        show_text(self.setWindowTitle, "Documents")
        self._service = service
        self._collections: list[Collection] = []
        self._chooser = Chooser(self)
        self.notice = NoticeBar()
        self.search = QLineEdit(clearButtonEnabled=True)
        show_text(self.search.setPlaceholderText, "Search in all documents")
        show_text(self.search.setAccessibleName, "Search in all documents")
        self.search.returnPressed.connect(self.start_search)
        self.search.textChanged.connect(self._leave_search)
        self.list = QListWidget()
        show_text(self.list.setAccessibleName, "Collections")
        self.list.currentRowChanged.connect(self._leave_found)
        self.list.itemClicked.connect(self._leave_found)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.customContextMenuRequested.connect(
            lambda at: self._menu().popup(self.list.viewport().mapToGlobal(at))
        )
        self.add_button = QPushButton()
        show_text(self.add_button.setText, "Add documents…")
        self.add_button.setAutoDefault(False)
        self.add_button.setMenu(self._add_menu())
        self.page = CollectionPage(service)
        self.page.failed.connect(self.show_error)
        self.page.pause_requested.connect(self._set_paused)
        self.page.ask_requested.connect(self._ask_current)
        self.beginning = Beginning()
        self.beginning.folder_wanted.connect(lambda: self._add_folder(as_new=True))
        self.beginning.files_wanted.connect(lambda: self._add_files(as_new=True))
        self.found = FoundList()
        self.found.opened.connect(self.opened)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.page)
        self._pages.addWidget(self.found)
        self._pages.addWidget(self.beginning)
        self._make_actions()
        self._lay_out()
        theme.follow_scale(self._fit_size)
        self._events = events
        events.changed.connect(self._follow)
        events.failed.connect(self.show_error)
        follow_language(self.refresh)
        self._show_page()
        (self.search if self._collections else self.beginning.folder_button).setFocus()

    def refresh(self) -> None:
        """Show the library as it is now."""
        try:
            self._collections = self._service.collections()
        except StoreError as error:
            self.show_error(error)
            return
        self._list_collections()
        self._show_collection()
        if not self._collections or self._pages.currentWidget() is not self.found:
            self._show_page()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def _follow(self) -> None:
        """Show what has changed, if anybody sees it."""
        if self.isVisible():
            begun = monotonic()
            self.refresh()
            self._events.took(monotonic() - begun)

    def add(self, paths: Sequence[Path]) -> None:
        """Add folders and files: to the collection that is shown, or as a new one."""
        if not paths:
            return
        current = self._current_id()
        if current is None:
            self._add_collection(paths)
        else:
            self._do(self._service.add_paths(current, paths))

    def add_as_new(self, paths: Sequence[Path]) -> None:
        """Make a collection of folders and files, named after the first."""
        if paths:
            self._add_collection(paths)

    def start_search(self) -> None:
        """Search the text of all documents."""
        question = self.search.text().strip()
        if question:
            future = self._service.retrieve(question, limit=_FOUND)
            Waiting(future, self, self._show_found, self.show_error)

    def show_error(self, error: GebError) -> None:
        """Say what could not be done, above the lists."""
        self.notice.tell(error)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Add to the collection that is shown; in the list to the one below, or as a new one."""
        paths = _dropped(event)
        at = self.list.viewport().mapFrom(self, event.position().toPoint())
        if self.list.isVisible() and self.list.viewport().rect().contains(at):
            item = self.list.itemAt(at)
            if item is None:
                self.add_as_new(paths)
                event.acceptProposedAction()
                return
            self.list.setCurrentItem(item)
        self.add(paths)
        event.acceptProposedAction()

    def _list_collections(self) -> None:
        wanted = [(collection.id, collection.name) for collection in self._collections]
        items = [self.list.item(row) for row in range(self.list.count())]
        if wanted == [(item.data(_ID), item.text()) for item in items]:
            return
        chosen = self._current_id()
        self.list.blockSignals(True)
        self.list.clear()
        for number, name in wanted:
            QListWidgetItem(name, self.list).setData(_ID, number)
        row = next((n for n, (number, _) in enumerate(wanted) if number == chosen), 0)
        self.list.setCurrentRow(row if wanted else -1)
        self.list.blockSignals(False)

    def _show_found(self, retrieval: Any) -> None:
        passages: Sequence[RetrievedPassage] = retrieval.passages if retrieval.answerable else ()
        self.found.show_passages(passages, retrieval.query)
        self._pages.setCurrentWidget(self.found)

    def _leave_search(self, text: str) -> None:
        if not text.strip():
            self._show_page()

    def _leave_found(self, _chosen: object) -> None:
        """Show the collection that was chosen, also while something else was searched."""
        self._show_page()
        self._show_collection()

    def _show_page(self) -> None:
        self._pages.setCurrentWidget(self.page if self._collections else self.beginning)
        self._left.setVisible(bool(self._collections))
        self.search.setEnabled(bool(self._collections))

    def _show_collection(self) -> None:
        collection = self._current()
        self.page.show_collection(collection)
        for action in (self.rename_action, self.remove_action, *self._into_current):
            action.setEnabled(collection is not None)

    def _current(self) -> Collection | None:
        number = self._current_id()
        return next((c for c in self._collections if c.id == number), None)

    def _current_id(self) -> int | None:
        item = self.list.currentItem()
        return None if item is None else int(item.data(_ID))

    def _add_collection(self, paths: Sequence[Path] = ()) -> None:
        name = paths[0].name if paths and paths[0].name else tr("My documents")
        Waiting(self._service.add_collection(name, paths), self, self._select, self.show_error)

    def _select(self, collection_id: int) -> None:
        self.refresh()
        for row in range(self.list.count()):
            if self.list.item(row).data(_ID) == collection_id:
                self.list.setCurrentRow(row)
        self._show_page()

    def _add_folder(self, *, as_new: bool) -> None:
        self._add_chosen(self._chooser.folder(tr("Add a folder")), as_new=as_new)

    def _add_files(self, *, as_new: bool) -> None:
        self._add_chosen(self._chooser.files(tr("Add files")), as_new=as_new)

    def _add_chosen(self, paths: Sequence[Path], *, as_new: bool) -> None:
        if as_new and paths:
            self._add_collection(paths)
        else:
            self.add(paths)

    def _rename(self) -> None:
        collection = self._current()
        if collection is None:
            return
        dialog = QInputDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(tr("Rename collection"))
        dialog.setLabelText(tr("Name"))
        dialog.setTextValue(collection.name)
        dialog.textValueSelected.connect(partial(self._give_name, collection.id))
        dialog.open()

    def _give_name(self, collection_id: int, name: str) -> None:
        if name.strip():
            self._do(self._service.rename_collection(collection_id, name.strip()))

    def _remove(self) -> None:
        collection = self._current()
        if collection is None:
            return
        box = QMessageBox(self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle(tr("Remove collection"))
        box.setText(
            tr(
                "Remove “{name}” from GEB Chat? The files themselves are not touched.",
                name=collection.name,
            )
        )
        agree = box.addButton(tr("Remove"), QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        agree.clicked.connect(partial(self._forget, collection.id))
        box.open()

    def _forget(self, collection_id: int, _checked: bool = False) -> None:
        self._do(self._service.remove_collection(collection_id))

    def _set_paused(self, paused: bool) -> None:
        number = self._current_id()
        if number is not None:
            self._do(self._service.set_paused(number, paused=paused))

    def _take_out_root(self, collection_id: int, path: Path, _checked: bool = False) -> None:
        self._do(self._service.remove_path(collection_id, path))

    def _ask_current(self) -> None:
        number = self._current_id()
        if number is not None:
            self.ask.emit(number)

    def _do(self, future: Future[None]) -> None:
        Waiting(future, self, lambda _none: None, self._say_undone)

    def _say_undone(self, error: GebError) -> None:
        self.refresh()  # what was not done is as it was
        self.show_error(error)

    def _make_actions(self) -> None:
        def action(name: str, message: str, on_trigger: Callable[[], None], keys: str = "") -> Any:
            return add_action(self, name, message, on_trigger, keys, group=Group.APPLICATION)

        self.rename_action = action("rename-collection", "Rename collection", self._rename, "F2")
        self.remove_action = action("remove-collection", "Remove collection", self._remove, "Del")
        # Elsewhere the key takes away letters.
        self.remove_action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self.list.addAction(self.remove_action)
        action("find-in-documents", "Search in all documents", self.search.setFocus, "Ctrl+F")

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addActions([self.rename_action, self.remove_action])
        collection = self._current()
        if collection is not None and len(collection.roots) > 1:
            menu.addSeparator()
            for root in collection.roots[:_MOST_ROOTS]:
                name = root.path.name.replace("&", "&&")  # one alone would mark a key
                entry = menu.addAction(tr("Take “{name}” out", name=name))
                entry.setToolTip(str(root.path))
                entry.triggered.connect(partial(self._take_out_root, collection.id, root.path))
            menu.setToolTipsVisible(True)
        return menu

    def _add_menu(self) -> QMenu:
        menu = QMenu(self)
        for message, on_trigger in (
            (to_translate("A folder as a new collection…"), lambda: self._add_folder(as_new=True)),
            (to_translate("Files as a new collection…"), lambda: self._add_files(as_new=True)),
            (to_translate("A folder to this collection…"), lambda: self._add_folder(as_new=False)),
            (to_translate("Files to this collection…"), lambda: self._add_files(as_new=False)),
        ):
            entry = menu.addAction("")
            show_text(entry.setText, message)
            entry.triggered.connect(lambda _checked=False, act=on_trigger: act())
        self._into_current = menu.actions()[2:]
        return menu

    def _fit_size(self) -> None:
        room = self.screen().availableSize()
        width, height = map(theme.scaled, _SIZE)
        self.resize(min(width, room.width() - 40), min(height, room.height() - 60))

    def _lay_out(self) -> None:
        self._left = QWidget()
        narrow = QVBoxLayout(self._left)
        narrow.setContentsMargins(0, 0, 0, 0)
        narrow.setSpacing(theme.SPACE)
        narrow.addWidget(self.add_button)
        narrow.addWidget(self.list, 1)
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.setChildrenCollapsible(False)
        splitter.setHandleWidth(2 * theme.SPACE)
        splitter.addWidget(self._left)
        splitter.addWidget(self._pages)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([220, 600])
        top = QHBoxLayout()
        top.addWidget(self.search, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[2 * theme.SPACE] * 4)
        column.setSpacing(theme.SPACE + 4)
        column.addLayout(top)
        column.addWidget(self.notice)
        column.addWidget(splitter, 1)


def _dropped(event: QDropEvent) -> list[Path]:
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
