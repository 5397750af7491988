"""The rows of the list: conversations under headings, read as far as they are looked at."""

from datetime import date
from typing import Final

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtWidgets import QWidget

from app.sidebar.days import with_headings
from engine.errors import StoreError
from engine.i18n import tr
from engine.store import Conversation, Store

Index = QModelIndex | QPersistentModelIndex
PAGE: Final = 200
"""Conversations that are read at first; then twice as many, and so on."""
IS_HEADING: Final = Qt.ItemDataRole.UserRole
_ALL: Final = -1


class ConversationModel(QAbstractListModel):
    """What the store lists, last used first; editing a row renames its conversation."""

    failed = Signal(object)

    def __init__(self, store: Store, parent: QWidget) -> None:
        super().__init__(parent)
        self._store = store
        self._limit = PAGE
        self._more = False
        self._rows: list[Conversation | str] = []

    def reload(self) -> None:
        """Read the list again. Raises StoreError and keeps the old one if that fails.

        Rows that are as they were stay in place, so the view neither jumps nor flickers.
        """
        conversations = self._store.list_conversations(self._limit)
        self._more = len(conversations) == self._limit
        self._show(with_headings(conversations, date.today()))

    def index_of(self, conversation_id: int | None) -> QModelIndex:
        """Return where a conversation is, an invalid index if it is not listed.

        Reads the whole list, where it must. Raises StoreError if that fails.
        """
        if conversation_id is None:
            return QModelIndex()
        found = self._find(conversation_id)
        if not found.isValid() and self._more:
            self._limit = _ALL
            self.reload()
            found = self._find(conversation_id)
        return found

    def first(self) -> QModelIndex:
        """Return the first conversation; an invalid index if there is none."""
        return self.next_to(QModelIndex(), 1)

    def next_to(self, index: Index, step: int) -> QModelIndex:
        """Return the next conversation below (1) or above (-1); an invalid index at the end."""
        row = index.row() + step
        while 0 <= row < len(self._rows):
            if isinstance(self._rows[row], Conversation):
                return self.index(row)
            row += step
        return QModelIndex()

    def conversation(self, index: Index) -> Conversation:
        """Return the conversation at a valid index that is no heading."""
        row = self._rows[index.row()]
        if isinstance(row, str):
            raise TypeError("a heading is no conversation")
        return row

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else len(self._rows)

    def canFetchMore(self, _parent: Index) -> bool:
        return self._more

    def fetchMore(self, _parent: Index) -> None:
        self._limit *= 2
        try:
            self.reload()
        except StoreError as error:
            self._more = False  # the view asks again and again; the next reload does, too
            self.failed.emit(error)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row = self._rows[index.row()]
        if role == IS_HEADING:
            return isinstance(row, str)
        if isinstance(row, str):
            return row if role == Qt.ItemDataRole.DisplayRole else None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return display_title(row)
        return row.title if role == Qt.ItemDataRole.EditRole else None

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        title = " ".join(str(value).split())
        if role != Qt.ItemDataRole.EditRole or not title:
            return False
        conversation = self.conversation(index)
        try:
            self._store.rename(conversation.id, title)
            self._rows[index.row()] = self._store.conversation(conversation.id)
        except StoreError as error:
            self.failed.emit(error)
            return False
        self.dataChanged.emit(index, index)
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        if isinstance(self._rows[index.row()], str):
            return Qt.ItemFlag.NoItemFlags
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable

    def _find(self, conversation_id: int) -> QModelIndex:
        for number, row in enumerate(self._rows):
            if isinstance(row, Conversation) and row.id == conversation_id:
                return self.index(number)
        return QModelIndex()

    def _show(self, rows: list[Conversation | str]) -> None:
        """Replace the rows between those at both ends that stay."""
        old, most = self._rows, min(len(self._rows), len(rows))
        start = next((n for n in range(most) if old[n] != rows[n]), most)
        end = next((n for n in range(most - start) if old[-1 - n] != rows[-1 - n]), most - start)
        if start < len(old) - end:
            self.beginRemoveRows(QModelIndex(), start, len(old) - end - 1)
            self._rows = old[:start] + old[len(old) - end :]
            self.endRemoveRows()
        if start < len(rows) - end:
            self.beginInsertRows(QModelIndex(), start, len(rows) - end - 1)
            self._rows = rows
            self.endInsertRows()


def display_title(conversation: Conversation) -> str:
    """Return the title, or what stands for one before the first message."""
    return conversation.title or tr("New conversation")
