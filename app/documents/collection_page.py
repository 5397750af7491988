"""One collection: how far it has come, and each of its files."""

from typing import Final, get_args

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QProgressBar,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.documents.files_model import FilesModel
from app.documents.opening import open_in_system
from app.documents.progress import progress_text
from app.texts import follow_language, show_text
from engine.documents.library.types import Collection, Progress, Status
from engine.documents.service import DocumentService
from engine.errors import StoreError
from engine.i18n import to_translate, tr

_FILTERS: Final = (
    to_translate("All files"),
    to_translate("Waiting"),
    to_translate("Reading…"),
    to_translate("Indexed"),
    to_translate("Failed"),
)


class CollectionPage(QWidget):
    """Shows what the service says of one collection, or how to begin where there is none."""

    pause_requested = Signal(bool)
    ask_requested = Signal()
    failed = Signal(object)

    def __init__(self, service: DocumentService, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._service = service
        self._collection: Collection | None = None
        self._progress: Progress | None = None
        self.title = QLabel(textFormat=Qt.TextFormat.PlainText)
        self.title.setObjectName("title")
        self.state = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
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
        self._lay_out()
        follow_language(self._name_filters)

    def show_collection(self, collection: Collection | None) -> None:
        """Show a collection as it is now."""
        former, self._collection = self._collection, collection
        for widget in (self.table, self.filter, self.ask_button):
            widget.setVisible(collection is not None)
        if collection is None:
            self.title.clear()
            self.problem.clear()
            self.bar.hide()
            self.pause_button.hide()
            self.state.setText(
                tr(
                    "Add a folder or files, or drop them here: GEB Chat reads them and answers "
                    "questions about them. They stay where they are, on this computer."
                )
            )
            return
        self.title.setText(collection.name)
        problems = [f"{root.path}: {root.problem}" for root in collection.roots if root.problem]
        self.problem.setText("\n".join(problems))
        self.problem.setVisible(bool(problems))
        try:
            self._show_progress(self._service.progress(collection.id))
            if former is None or former.id != collection.id:
                self._show_files()
            else:
                self.model.refresh()
        except StoreError as error:
            self.failed.emit(error)

    def _show_progress(self, progress: Progress) -> None:
        self._progress = progress
        self.state.setText(progress_text(progress))
        self.bar.setVisible(bool(progress.waiting))
        self.bar.setRange(0, max(1, progress.total))
        self.bar.setValue(progress.indexed + progress.failed)
        self.pause_button.setVisible(bool(progress.waiting) or progress.paused)
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
            )
        except StoreError as error:
            self.failed.emit(error)

    def _toggle_pause(self) -> None:
        if self._progress is not None:
            self.pause_requested.emit(not self._progress.paused)

    def _open(self, index: QModelIndex) -> None:
        open_in_system(self.model.file(index).path)

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
    table.verticalHeader().hide()
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
    for column in (2, 3):
        header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
    return table
