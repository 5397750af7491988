"""The list of conversations: open, new, rename in place, delete with a way back."""

from typing import Final

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    Qt,
    Signal,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListView,
    QMenu,
    QPushButton,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.actions import Group, add_action
from app.icons import icon
from app.notice import NoticeBar
from app.texts import show_text
from engine.errors import StoreError
from engine.i18n import tr
from engine.store import Conversation, Store

UNDO_SECONDS: Final = 10
_Index = QModelIndex | QPersistentModelIndex


class ConversationModel(QAbstractListModel):
    """What the store lists, last used first; editing an item renames its conversation."""

    failed = Signal(object)

    def __init__(self, store: Store, parent: QWidget) -> None:
        super().__init__(parent)
        self._store = store
        self._conversations: list[Conversation] = []

    def reload(self) -> None:
        """Read the list again. Raises StoreError and keeps the old one if that fails."""
        conversations = self._store.list_conversations()
        self.beginResetModel()
        self._conversations = conversations
        self.endResetModel()

    def index_of(self, conversation_id: int | None) -> QModelIndex:
        """Return where a conversation is; an invalid index if it is not listed."""
        for row, conversation in enumerate(self._conversations):
            if conversation.id == conversation_id:
                return self.index(row)
        return QModelIndex()

    def conversation(self, index: _Index) -> Conversation:
        """Return the conversation at a valid index."""
        return self._conversations[index.row()]

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else len(self._conversations)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | None:
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return display_title(self.conversation(index))
        return self.conversation(index).title if role == Qt.ItemDataRole.EditRole else None

    def setData(self, index: _Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        title = " ".join(str(value).split())
        if role != Qt.ItemDataRole.EditRole or not title:
            return False
        conversation = self.conversation(index)
        try:
            self._store.rename(conversation.id, title)
            self._conversations[index.row()] = self._store.conversation(conversation.id)
        except StoreError as error:
            self.failed.emit(error)
            return False
        self.dataChanged.emit(index, index)
        return True

    def flags(self, index: _Index) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable


class _TitleDelegate(QStyledItemDelegate):
    """Lets the editor of a title cover its whole item."""

    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, _index: _Index
    ) -> None:
        editor.setGeometry(option.rect)


class Sidebar(QWidget):
    """The list with its "new" button and the bar that undoes a deletion."""

    opened = Signal(int)
    """The user chose a conversation, or one was made or brought back."""
    renamed = Signal(int)
    about_to_leave = Signal()
    """The open conversation may be left or deleted: save what is not saved yet."""
    deleted = Signal(int)
    chosen = Signal()
    """The user is done with the list and wants to write."""
    failed = Signal(object)

    def __init__(self, store: Store, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sidebar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._store = store
        self._reloading = False
        self.model = ConversationModel(store, self)
        self.model.failed.connect(self.failed)
        self.model.dataChanged.connect(self._tell_renamed)
        self.list = _make_list(self.model)
        self.list.selectionModel().currentChanged.connect(self._open_index)
        self.list.clicked.connect(self.chosen)
        self.list.activated.connect(self.chosen)
        self.list.customContextMenuRequested.connect(self._show_menu)
        self.undo = NoticeBar()
        self.new_button = QPushButton()
        self.new_button.setObjectName("new")
        show_text(self.new_button.setText, "New conversation")
        self._draw_icon()
        self._make_actions()
        column = QVBoxLayout(self)
        column.setContentsMargins(*[theme.SPACE + 2] * 4)
        column.setSpacing(theme.SPACE)
        column.addWidget(self.new_button)
        column.addWidget(self.list, 1)
        column.addWidget(self.undo)

    def reload(self, conversation_id: int | None) -> None:
        """Show the list as it is in the store, with `conversation_id` as the open one."""
        self._reloading = True
        try:
            self.model.reload()
            self.list.setCurrentIndex(self.model.index_of(conversation_id))
        finally:
            self._reloading = False

    def new(self) -> None:
        """Open an empty conversation, an unused one if there is any."""
        self.about_to_leave.emit()
        try:
            for row in range(self.model.rowCount()):
                conversation = self.model.conversation(self.model.index(row))
                if self._is_unused(conversation):
                    break
            else:
                conversation = self._store.create_conversation()
            self._show(conversation.id)
        except StoreError as error:
            self.failed.emit(error)
        self.chosen.emit()

    def ensure_open(self, conversation_id: int | None) -> None:
        """Open a conversation or, where it is gone, the last used one, or a new one."""
        try:
            self.model.reload()
        except StoreError as error:
            self.failed.emit(error)
            return
        index = self.model.index_of(conversation_id)
        if not index.isValid():
            index = self.model.index(0)
        if index.isValid():
            self._show(self.model.conversation(index).id)
        else:
            self.new()

    def rename_current(self) -> None:
        """Edit the title of the open conversation in place."""
        if self.list.currentIndex().isValid():
            self.list.setFocus()
            self.list.edit(self.list.currentIndex())

    def delete_current(self) -> None:
        """Delete the open conversation and open its neighbour; offer the way back."""
        index = self.list.currentIndex()
        if not index.isValid():
            return
        self.about_to_leave.emit()
        conversation = self.model.conversation(index)
        neighbours = (self.model.index(index.row() + step) for step in (1, -1))
        neighbour = next((i for i in neighbours if i.isValid()), None)
        follower = None if neighbour is None else self.model.conversation(neighbour).id
        try:
            self._store.delete(conversation.id)
        except StoreError as error:
            self.failed.emit(error)
            return
        self.deleted.emit(conversation.id)
        self.ensure_open(follower)
        self.undo.tell(
            tr("Deleted “{title}”.", title=display_title(conversation)),
            action=tr("Undo"),
            on_action=lambda: self._undelete(conversation.id),
            seconds=UNDO_SECONDS,
        )

    def _make_actions(self) -> None:
        group = Group.CONVERSATION
        self.new_action = add_action(
            self, "new", "New conversation", self.new, "Ctrl+N", group=group
        )
        self.rename_action = add_action(
            self, "rename", "Rename", self.rename_current, "F2", group=group
        )
        # Of the list alone: in a text box, Delete deletes text.
        of_list = Qt.ShortcutContext.WidgetShortcut
        self.delete_action = add_action(
            self.list, "delete", "Delete", self.delete_current, "Delete", of_list, group
        )
        self.new_button.clicked.connect(self.new_action.trigger)
        show_text(self.new_button.setToolTip, "New conversation (Ctrl+N)")

    def _is_unused(self, conversation: Conversation) -> bool:
        return (
            not conversation.title
            and not self._store.thread(conversation.id)
            and not self._store.draft(conversation.id)
        )

    def _show(self, conversation_id: int) -> None:
        self.reload(conversation_id)
        self.opened.emit(conversation_id)

    def _open_index(self, index: QModelIndex) -> None:
        if index.isValid() and not self._reloading:
            self.opened.emit(self.model.conversation(index).id)

    def _tell_renamed(self, index: QModelIndex) -> None:
        self.renamed.emit(self.model.conversation(index).id)

    def _show_menu(self, position: QPoint) -> None:
        if not self.list.indexAt(position).isValid():
            return
        menu = QMenu(self)
        menu.addAction(self.rename_action)
        menu.addAction(self.delete_action)
        menu.exec(self.list.viewport().mapToGlobal(position))
        menu.deleteLater()

    def _undelete(self, conversation_id: int) -> None:
        try:
            self._store.undelete(conversation_id)
            self._show(conversation_id)
        except StoreError as error:
            self.failed.emit(error)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._draw_icon()

    def _draw_icon(self) -> None:
        self.new_button.setIcon(icon("new", theme.colors().text))


def display_title(conversation: Conversation) -> str:
    """Return the title, or what stands for one before the first message."""
    return conversation.title or tr("New conversation")


def _make_list(model: ConversationModel) -> QListView:
    view = QListView()
    view.setModel(model)
    view.setItemDelegate(_TitleDelegate(view))
    view.setAccessibleName(tr("Conversations"))
    view.setFrameShape(QFrame.Shape.NoFrame)
    view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
    view.setEditTriggers(
        QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed
    )
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    view.setUniformItemSizes(True)
    view.setTextElideMode(Qt.TextElideMode.ElideRight)
    view.setMouseTracking(True)
    return view
