"""One collection: how far it has come, and each of its files."""

from html import escape
from pathlib import Path
from typing import Final, get_args

from PySide6.QtCore import QEvent, QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.documents.files_model import NUMBERS, FilesModel
from app.documents.opening import open_in_system
from app.documents.progress import failed_text, progress_text
from app.texts import follow_language, show_text
from engine.documents.library.types import Collection, Progress, Status
from engine.documents.service import DocumentService
from engine.errors import DocumentError, StoreError
from engine.i18n import to_translate, tr

_FILTERS: Final = (
    to_translate("All files"),
    to_translate("Waiting"),
    to_translate("Reading…"),
    to_translate("Indexed"),
    to_translate("Failed"),
)
_LINES: Final = 2
"""Of a row: reasons are sentences."""
_ROOM_FOR_NUMBERS_EM: Final = 24
"""Heights of a line: narrower tables leave the numbers out."""


class CollectionPage(QWidget):
    """Shows what the service says of one collection."""

    _progress: Progress | None = None
    pause_requested = Signal(bool)
    ask_requested = Signal()
    failed = Signal(object)

    def __init__(self, service: DocumentService, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._service = service
        self._collection: Collection | None = None
        self.title = QLabel(textFormat=Qt.TextFormat.PlainText)
        self.title.setObjectName("title")
        self.state = QLabel(wordWrap=True, textFormat=Qt.TextFormat.RichText)
        by = Qt.TextInteractionFlag
        self.state.setTextInteractionFlags(by.LinksAccessibleByMouse | by.LinksAccessibleByKeyboard)
        self.state.linkActivated.connect(self._show_failed)
        self.state.setProperty("muted", True)
        self.problem = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.bar = QProgressBar(textVisible=False)
        show_text(self.bar.setAccessibleName, "Progress")
        self.pause_button = QPushButton(autoDefault=False)
        self.pause_button.clicked.connect(self._toggle_pause)
        self.ask_button = QPushButton(autoDefault=False)
        show_text(self.ask_button.setText, "Ask these documents")
        self.ask_button.clicked.connect(self.ask_requested)
        self.filter = QComboBox()
        show_text(self.filter.setAccessibleName, "Which files are shown")
        self.filter.addItems([""] * len(_FILTERS))
        self.filter.currentIndexChanged.connect(self._show_files)
        self.model = FilesModel(self)
        self.table = _make_table(self.model)
        self.table.activated.connect(self._open)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._show_menu)
        self.nothing = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.nothing.setProperty("muted", True)
        show_text(self.nothing.setText, "There is no such file.")
        self._lay_out()
        follow_language(self._name_filters)
        theme.follow_scale(self._fit_rows)

    def show_collection(self, collection: Collection | None) -> None:
        """Show a collection as it is now."""
        former, self._collection = self._collection, collection
        for widget in (self.table, self.filter, self.ask_button):
            widget.setVisible(collection is not None)
        if collection is None:
            for other in (self.bar, self.pause_button, self.nothing):
                other.hide()
            for label in (self.title, self.problem, self.state):
                label.clear()
            return
        self.title.setText(collection.name)
        problems = [f"{root.path}: {root.problem}" for root in collection.roots if root.problem]
        self.problem.setText("\n".join(problems))
        self.problem.setVisible(bool(problems))
        try:
            self._show_progress(self._service.progress(collection.id))
            if former is None or former.id != collection.id:
                self.filter.setCurrentIndex(0)
                self._show_files()
            elif former.roots != collection.roots:
                self._show_files()
            else:
                self.model.refresh()
                self._show_table()
        except StoreError as error:
            self.failed.emit(error)

    def _show_progress(self, progress: Progress) -> None:
        self._progress = progress
        said = [escape(progress_text(progress))]
        if failed := failed_text(progress):
            said.append(f'<a href="failed">{escape(failed)}</a>')
        self.state.setText(" · ".join(said))
        self.bar.setVisible(bool(progress.waiting))
        self.bar.setRange(0, max(1, progress.total))
        self.bar.setValue(progress.indexed + progress.failed)
        self.pause_button.setVisible(bool(progress.waiting) or progress.paused)
        self.pause_button.setEnabled(True)
        self.pause_button.setText(tr("Go on") if progress.paused else tr("Pause"))

    def _show_files(self, _index: int = 0) -> None:
        if self._collection is None:
            return
        chosen = self.filter.currentIndex()
        status: Status | None = get_args(Status)[chosen - 1] if chosen > 0 else None
        number = self._collection.id
        try:
            self.model.show_files(
                lambda wanted, limit, offset: self._service.files(
                    number, status=wanted, limit=limit, offset=offset
                ),
                status,
                [root.path for root in self._collection.roots],
            )
        except StoreError as error:
            self.failed.emit(error)
        self._show_table()

    def _show_table(self) -> None:
        """Show the files, or say that there are none of this kind."""
        self._fit_columns()
        lacks = self.filter.currentIndex() > 0 and not self.model.rowCount()
        self.table.setVisible(not lacks)
        self.nothing.setVisible(lacks)

    def _show_failed(self, _link: str) -> None:
        self.filter.setCurrentIndex(1 + get_args(Status).index("failed"))

    def _toggle_pause(self) -> None:
        if self._progress is not None:
            self.pause_button.setEnabled(False)  # until it is done
            self.pause_requested.emit(not self._progress.paused)

    def _open(self, index: QModelIndex) -> None:
        self._open_path(self.model.file(index).path)

    def _open_path(self, path: Path) -> None:
        if not open_in_system(path):
            self.failed.emit(
                DocumentError("No program of this computer opened {name}.", name=path.name)
            )

    def _show_menu(self, at: QPoint) -> None:
        index = self.table.indexAt(at)
        if not index.isValid():
            return
        path = self.model.file(index).path
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(tr("Open"), lambda: self._open_path(path))
        menu.addAction(tr("Show its folder"), lambda: self._open_path(path.parent))
        menu.popup(self.table.viewport().mapToGlobal(at))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._progress is not None:
            self.state.clear()
            self._show_progress(self._progress)  # links keep the colour that they had

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_columns()

    def _fit_rows(self) -> None:
        lines = _LINES * self.table.fontMetrics().lineSpacing()
        self.table.verticalHeader().setDefaultSectionSize(lines + theme.scaled(theme.SPACE))

    def _fit_columns(self) -> None:
        # Where there is little room it belongs to the names and to the reasons.
        narrow = self.width() < _ROOM_FOR_NUMBERS_EM * self.fontMetrics().height()
        has_numbers = self.filter.currentIndex() in (0, 1 + get_args(Status).index("indexed"))
        for column in NUMBERS:
            self.table.setColumnHidden(column, narrow or not has_numbers)

    def _name_filters(self) -> None:
        for number, message in enumerate(_FILTERS):
            self.filter.setItemText(number, tr(message))
        self.model.headerDataChanged.emit(
            Qt.Orientation.Horizontal, 0, self.model.columnCount() - 1
        )

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.pause_button)
        head.addWidget(self.ask_button)
        below = QHBoxLayout()
        below.addWidget(self.state, 1)
        below.addWidget(self.filter)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE)
        column.addLayout(head)
        column.addLayout(below)
        column.addWidget(self.bar)
        column.addWidget(self.problem)
        column.addWidget(self.nothing)
        column.addWidget(self.table, 1)
        column.addStretch()


def _make_table(model: FilesModel) -> QTableView:
    table = QTableView(showGrid=False)
    table.setModel(model)
    show_text(table.setAccessibleName, "Files")
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setTabKeyNavigation(False)
    table.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # the end tells versions and kinds apart
    table.verticalHeader().hide()
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
    for column in NUMBERS:
        header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
    return table
