"""The files of a collection as a table, read a page at a time."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import QAbstractTableModel, QLocale, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QWidget

from engine.documents.library.types import FileStatus, Status
from engine.i18n import to_translate, tr

PAGE: Final = 200
COLUMNS: Final = (
    to_translate("File"),
    to_translate("Status"),
    to_translate("Page count"),
    to_translate("Passages"),
)
NUMBERS: Final = (2, 3)
"""The columns that hold numbers."""
_Index = QModelIndex | QPersistentModelIndex
ReadFiles = Callable[[Status | None, int, int], list[FileStatus]]
"""Takes a status, a limit and an offset."""


class FilesModel(QAbstractTableModel):
    """Shows what `read` returns, for one status or (None) all."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._read: ReadFiles = lambda _status, _limit, _offset: []
        self._folders: Sequence[Path] = ()
        self._status: Status | None = None
        self._files: list[FileStatus] = []
        self._complete = True

    def show_files(
        self, read: ReadFiles, status: Status | None, folders: Sequence[Path] = ()
    ) -> None:
        """Show other files from the first on, named below these folders. Raises StoreError."""
        self._read, self._status, self._folders = read, status, folders
        self.beginResetModel()
        self._files = read(status, PAGE, 0)
        self._complete = len(self._files) < PAGE
        self.endResetModel()

    def refresh(self) -> None:
        """Read again what is shown. Raises StoreError."""
        files = self._read(self._status, max(PAGE, len(self._files)), 0)
        if [file.id for file in files] != [file.id for file in self._files]:
            self.beginResetModel()
            self._files = files
            self._complete = len(files) < PAGE
            self.endResetModel()
        elif files != self._files:
            self._files = files
            self.dataChanged.emit(self.index(0, 0), self.index(len(files) - 1, len(COLUMNS) - 1))

    def file(self, index: _Index) -> FileStatus:
        """Return the file at a valid index."""
        return self._files[index.row()]

    def canFetchMore(self, parent: _Index) -> bool:
        return not parent.isValid() and not self._complete

    def fetchMore(self, parent: _Index) -> None:
        more = self._read(self._status, PAGE, len(self._files))
        self._complete = len(more) < PAGE
        if more and not parent.isValid():
            first = len(self._files)
            self.beginInsertRows(QModelIndex(), first, first + len(more) - 1)
            self._files += more
            self.endInsertRows()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else len(self._files)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation == Qt.Orientation.Vertical:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return tr(COLUMNS[section])
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section)
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        file = self.file(index)
        if role == Qt.ItemDataRole.DisplayRole:
            return (
                self._name(file),
                status_text(file),
                _number(file.pages),
                _number(file.passages),
            )[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{file.path}\n{status_text(file)}"
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self._name(file)}, {status_text(file)}"
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(index.column())
        return None

    def _name(self, file: FileStatus) -> str:
        """Return the file's path below the folder that was added: names alone may be the same."""
        for folder in self._folders:
            if file.path != folder and file.path.is_relative_to(folder):
                return str(file.path.relative_to(folder))
        return file.path.name


def _alignment(column: int) -> Qt.AlignmentFlag:
    """Return left for words and right for numbers."""
    side = Qt.AlignmentFlag.AlignRight if column in NUMBERS else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


def status_text(file: FileStatus) -> str:
    """Say how far a file has come, with the reason where it failed."""
    if file.failure is not None:
        return str(file.failure)
    match file.status:
        case "waiting":
            return tr("Waiting")
        case "indexing":
            return tr("Reading…")
        case "indexed":
            return tr("Indexed")
        case "failed":
            return tr("Failed")


def _number(value: int | None) -> str:
    return "" if value is None else QLocale().toString(value)
