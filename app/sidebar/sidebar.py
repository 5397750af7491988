"""The list of conversations: open, new, rename, pin, duplicate, delete with a way back."""

from collections.abc import Callable
from functools import partial
from typing import Final

from PySide6.QtCore import QEvent, QModelIndex, QPoint, QSize, Qt, Signal
from PySide6.QtWidgets import QMenu, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.actions import Group, add_action
from app.icons import icon
from app.notice import NoticeBar
from app.sidebar.deleted import DeletedDialog
from app.sidebar.list_view import ConversationList
from app.sidebar.model import PAGE, ConversationModel, display_title
from app.sidebar.search import SearchPanel
from app.texts import follow_language, show_text
from engine.errors import StoreError
from engine.i18n import tr
from engine.store import Conversation, Store

UNDO_SECONDS: Final = 10


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
        self.more_for_one: list[tuple[Callable[[], str], Callable[[int], None]]] = []
        """Entries (text, what to do) of a conversation's menu that others provide."""
        self.model = ConversationModel(store, self)
        self.model.failed.connect(self.failed)
        self.model.dataChanged.connect(self._tell_renamed)
        self.list = ConversationList(self.model)
        self.list.selectionModel().currentChanged.connect(self._open_index)
        self.list.clicked.connect(self.chosen)
        self.list.activated.connect(self.chosen)
        self.list.menu_requested.connect(self._show_menu)
        self.search = SearchPanel(store, self.list)
        self.search.failed.connect(self.failed)
        self.search.left.connect(self.chosen)
        self.undo = NoticeBar()
        self._make_buttons()
        self._make_actions()
        follow_language(self._follow)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(*[theme.SPACE + 2] * 4)
        self.column.setSpacing(theme.SPACE)
        self.column.addWidget(self.new_button)
        self.column.addWidget(self.search, 1)
        self.column.addWidget(self.undo)

    def reload(self, conversation_id: int | None) -> None:
        """Show the list as it is in the store, with `conversation_id` as the open one."""
        self._reloading = True
        try:
            self.model.reload()
            self.list.setCurrentIndex(self.model.index_of(conversation_id))
        finally:
            self._reloading = False
        self._name_pin_action()

    def new(self) -> None:
        """Open an empty conversation, an unused one if there is any."""
        self.about_to_leave.emit()
        try:
            unused = self._unused()
            self._show((unused or self._store.create_conversation()).id)
        except StoreError as error:
            self.failed.emit(error)
        self.chosen.emit()

    def ensure_open(self, conversation_id: int | None) -> None:
        """Open a conversation or, where it is gone, the last used one, or a new one."""
        try:
            self.model.reload()
            index = self.model.index_of(conversation_id)
        except StoreError as error:
            self.failed.emit(error)
            return
        if not index.isValid():
            index = self.model.first()
        if index.isValid():
            self._show(self.model.conversation(index).id)
        else:
            self.new()

    def rename(self, conversation_id: int) -> None:
        """Edit a title in place."""
        index = self._index_of(conversation_id)
        if index.isValid():
            self.list.setFocus()
            self.list.scrollTo(index)
            self.list.edit(index)

    def set_pinned(self, conversation_id: int, *, pinned: bool) -> None:
        """Put a conversation above all days, or back among them."""
        try:
            self._store.set_pinned(conversation_id, pinned=pinned)
            self.reload(self.open_id())
        except StoreError as error:
            self.failed.emit(error)

    def duplicate(self, conversation_id: int) -> None:
        """Open a copy of a conversation, with all its branches."""
        self.about_to_leave.emit()
        try:
            title = display_title(self._store.conversation(conversation_id))
            copy = self._store.duplicate(conversation_id, tr("{title} (copy)", title=title))
            self._show(copy.id)
        except StoreError as error:
            self.failed.emit(error)

    def delete(self, conversation_id: int) -> None:
        """Delete a conversation, open its neighbour if it was open, and offer the way back."""
        index = self._index_of(conversation_id)
        if not index.isValid():
            return
        self.about_to_leave.emit()
        conversation, stays_open = self.model.conversation(index), self.open_id()
        if stays_open == conversation_id:
            neighbours = (self.model.next_to(index, step) for step in (1, -1))
            neighbour = next((i for i in neighbours if i.isValid()), None)
            stays_open = None if neighbour is None else self.model.conversation(neighbour).id
        try:
            self._store.delete(conversation_id)
        except StoreError as error:
            self.failed.emit(error)
            return
        self.deleted.emit(conversation_id)
        self.ensure_open(stays_open)
        self.undo.tell(
            tr("Deleted “{title}”.", title=display_title(conversation)),
            action=tr("Undo"),
            on_action=lambda: self._undelete(conversation_id),
            seconds=UNDO_SECONDS,
        )

    def show_deleted(self) -> None:
        """Show what was deleted, to bring it back or to erase it for good."""
        dialog = DeletedDialog(self._store, self.window())
        dialog.restored.connect(self._undelete)
        dialog.failed.connect(self.failed)
        dialog.erased.connect(self.undo.dismiss)
        dialog.open()

    def _make_buttons(self) -> None:
        self.new_button = QPushButton()
        self.new_button.setObjectName("new")
        show_text(self.new_button.setText, "New conversation")
        theme.follow_scale(self._draw_icon)

    def make_menu(self, conversation: Conversation) -> QMenu:
        """Return the menu of one conversation, open or not; the caller shows it."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        number, pinned = conversation.id, conversation.pinned
        menu.addAction(tr("Rename"), lambda: self.rename(number))
        menu.addAction(
            tr("Unpin") if pinned else tr("Pin"),
            lambda: self.set_pinned(number, pinned=not pinned),
        )
        menu.addAction(tr("Duplicate"), lambda: self.duplicate(number))
        for text, act in self.more_for_one:
            menu.addAction(text(), partial(act, number))
        menu.addSeparator()
        menu.addAction(tr("Delete"), lambda: self.delete(number))
        return menu

    def open_id(self) -> int | None:
        """Return the open conversation."""
        index = self.list.currentIndex()
        return self.model.conversation(index).id if index.isValid() else None

    def _make_actions(self) -> None:
        group = Group.CONVERSATION
        rename, duplicate, delete = map(self._with_open, (self.rename, self.duplicate, self.delete))
        self.new_action = add_action(
            self, "new", "New conversation", self.new, "Ctrl+N", group=group
        )
        self.rename_action = add_action(self, "rename", "Rename", rename, "F2", group=group)
        self.pin_action = add_action(
            self, "pin", "Pin", self._pin_open, "Ctrl+Shift+P", group=group
        )
        self.duplicate_action = add_action(
            self, "duplicate", "Duplicate", duplicate, "Ctrl+Shift+D", group=group
        )
        # Of the list alone: in a text box, Delete deletes text.
        of_list = Qt.ShortcutContext.WidgetShortcut
        self.delete_action = add_action(
            self.list, "delete", "Delete", delete, "Delete", of_list, group
        )
        add_action(
            self,
            "search",
            "Search all conversations",
            self.search.focus,
            "Ctrl+Shift+F",
            group=group,
        )
        add_action(self, "deleted", "Recently deleted…", self.show_deleted, group=group)
        self.new_button.clicked.connect(self.new_action.trigger)
        show_text(self.new_button.setToolTip, "New conversation (Ctrl+N)")

    def _with_open(self, act: Callable[[int], None]) -> Callable[[], None]:
        def act_on_open() -> None:
            if (number := self.open_id()) is not None:
                act(number)

        return act_on_open

    def _pin_open(self) -> None:
        index = self.list.currentIndex()
        if index.isValid():
            conversation = self.model.conversation(index)
            self.set_pinned(conversation.id, pinned=not conversation.pinned)

    def _index_of(self, conversation_id: int) -> QModelIndex:
        try:
            return self.model.index_of(conversation_id)
        except StoreError as error:
            self.failed.emit(error)
            return QModelIndex()

    def _unused(self) -> Conversation | None:
        """Return an empty conversation among those that were used last, if there is one."""
        for conversation in self._store.list_conversations(PAGE):
            if (
                not conversation.title
                and not self._store.thread(conversation.id)
                and not self._store.draft(conversation.id)
            ):
                return conversation
        return None

    def _show(self, conversation_id: int) -> None:
        self.reload(conversation_id)
        self.opened.emit(conversation_id)

    def _open_index(self, index: QModelIndex) -> None:
        if index.isValid() and not self._reloading:
            self.opened.emit(self.model.conversation(index).id)
            self._name_pin_action()

    def _name_pin_action(self) -> None:
        index = self.list.currentIndex()
        if index.isValid() and self.model.conversation(index).pinned:
            show_text(self.pin_action.setText, "Unpin")
        else:
            show_text(self.pin_action.setText, "Pin")

    def _tell_renamed(self, index: QModelIndex) -> None:
        self.renamed.emit(self.model.conversation(index).id)

    def _show_menu(self, index: QModelIndex, place: QPoint) -> None:
        self.make_menu(self.model.conversation(index)).popup(place)

    def _undelete(self, conversation_id: int) -> None:
        try:
            self._store.undelete(conversation_id)
            self._show(conversation_id)
        except StoreError as error:
            self.failed.emit(error)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.WindowActivate:
            self._follow()  # another day has begun, perhaps, or another program wrote
        return super().event(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._draw_icon()

    def _follow(self) -> None:
        """Show the list as it is now, and in the language that is in use."""
        if self.model.rowCount():
            try:
                self.reload(self.open_id())
            except StoreError as error:
                self.failed.emit(error)

    def _draw_icon(self) -> None:
        side = theme.scaled(theme.ICON_SIZE)
        self.new_button.setIconSize(QSize(side, side))
        self.new_button.setIcon(icon("new", theme.colors().text, side))
