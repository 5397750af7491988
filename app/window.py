"""The main window, put together from its parts."""

import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSettings, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QMoveEvent, QResizeEvent
from PySide6.QtWidgets import QMainWindow, QSplitter, QVBoxLayout, QWidget

from app import theme
from app.actions import Group, actions_of, add_action
from app.bridge import EventBridge
from app.chat_view import ChatView
from app.conversation_files.commands import IMPORTED_SUFFIXES, FileCommands
from app.documents.desk import DocumentsDesk
from app.documents.kinds import DOCUMENT_SUFFIXES, document_kinds
from app.file_drop import FileDrop, Reader
from app.header import Header
from app.menu import MainMenu
from app.models.switching import ModelSwitcher
from app.settings.button import SidebarButton
from app.settings.opener import SettingsOpener
from app.sidebar.model import display_title
from app.sidebar.sidebar import Sidebar
from app.single_instance import Request
from app.texts import follow_language
from engine.chat import ChatService
from engine.conversation_files.markdown import is_conversation
from engine.erasing import everything
from engine.errors import StoreError
from engine.i18n import tr
from engine.paths import log_dir

if TYPE_CHECKING:
    from app.companions import Companions
    from app.errors.dialog import ErrorDialogs
    from app.palette.entries import Entry

_DEFAULT_SIZE: Final = (1080, 720)
_MINIMUM_SIZE: Final = (640, 420)
_WIDEST_SIDEBAR: Final = 300
"""Pixels: so much of a small window may the sidebar take from large text."""
_AROUND: Final = 80
"""Pixels of a screen that frames and bars may take."""
_LAYOUT_DELAY_MS: Final = 1000


class MainWindow(QMainWindow):
    """The list on the left, the open conversation on the right.

    Takes over `service` and `bridge`: closing the window stops the answers and closes both.
    """

    ended = Signal()
    """The window is closed, not only hidden, and all is kept."""

    def __init__(
        self, service: ChatService, bridge: EventBridge, settings: QSettings, crashes: int = 0
    ) -> None:
        """`crashes`: so many runs just before this one did not end as they should."""
        super().__init__()
        self.setWindowTitle("GEB Chat")
        self._service = service
        self._bridge = bridge
        self._settings = settings
        self._errors: ErrorDialogs | None = None
        self.erases_on_exit = False
        """The person has agreed that everything be deleted after the window is closed."""
        self._companions: Companions | None = None
        self._ending = False
        self._layout_timer = QTimer(self, singleShot=True, interval=_LAYOUT_DELAY_MS)
        self._layout_timer.timeout.connect(self.save_layout)
        self.sidebar = Sidebar(service.store)
        self.chat = ChatView(service)
        self.files = FileCommands(
            self, service.store, self.chat.progress, self.chat.notice, self.sidebar.open_id
        )
        self.drop = FileDrop(self, self.chat.notice)
        self.menu = MainMenu(self)
        self.header = Header(self.sidebar.rename_action, self.sidebar.delete_action, self.menu)
        self.models = ModelSwitcher(self, service, self.chat)
        self.settings = SettingsOpener(self, service, self.chat, self.models)
        self.settings.changed.connect(lambda _setting: self.models.opened())
        self.desk = DocumentsDesk(
            self, service, self.chat, service.store.path.with_name("library.sqlite3")
        )
        self.documents_button = SidebarButton("documents", self.desk.action)
        self.sidebar.column.addWidget(self.documents_button)
        self.settings_button = SidebarButton("settings", self.settings.action)
        self.sidebar.column.addWidget(self.settings_button)
        self.header.add_button("tune", self.settings.conversation_action)
        self._lay_out()
        self._connect()
        self._add_actions()
        self._order_tabs()
        follow_language(self._name_again)
        self._restore(crashes)
        if trouble := service.store_notice():
            self.chat.notice.tell(trouble)
        elif service.settings.problems:
            self.chat.notice.tell(" ".join(map(str, service.settings.problems)))

    def load_model(self, path: Path | None) -> None:
        """Begin to load the model at `path`, or that of the open conversation.

        The window stays usable.
        """
        self.models.load(path)

    def accompany(self) -> "Companions":
        """Start what accompanies the window, and return it; may be repeated."""
        if self._companions is None:
            from app.companions import Companions

            self._companions = Companions(
                self,
                self._service,
                self._bridge,
                ask=self.ask,
                open_id=lambda: self.chat.conversation_id,
                show_window=self.come_forward,
                end=self.end,
                failed=self.chat.show_error,
            )
            api = self._companions.api
            api.changed.connect(lambda: self.chat.status.show_server(api.address))
            api.failed.connect(self.chat.show_error)
            self._companions.follow()
        return self._companions

    def ask(self, text: str) -> int | None:
        """Ask in a conversation of its own; return its id, or None if the question was refused."""
        sent: list[int] = []
        self.sidebar.new()
        connection = self.chat.sent.connect(sent.append)
        self.chat.send(text)
        self.chat.sent.disconnect(connection)
        return sent[0] if sent else None

    def end(self) -> None:
        """Close the window, and the application with it, even if there is an icon in the tray."""
        self._ending = True
        self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Keep everything, stop the answers and end the engine's thread.

        While there is an icon in the tray the window only hides, unless `end` was called.
        """
        self.hide()  # at once: the engine may need a moment to stop
        self.chat.save_draft()
        self.save_layout()
        if self._companions is not None:
            if self._companions.tray.shown and not self._ending:
                event.ignore()
                return
            self._companions.close()
        self.sidebar.undo.dismiss()
        self.sidebar.search.end()
        self.files.close()
        self.desk.close()
        self._bridge.close()
        self._service.close()
        super().closeEvent(event)
        self.ended.emit()

    def save_layout(self) -> None:
        """Keep size, place, the width of the list and which conversation is open."""
        self._layout_timer.stop()
        self._settings.setValue("geometry", self.saveGeometry())
        self._settings.setValue("splitter", self._splitter.saveState())
        self._settings.setValue("conversation", self.chat.conversation_id)
        self._settings.sync()

    def show_unexpected(self, error: BaseException) -> None:
        """Say that something unexpected went wrong; the window goes on."""
        from app.errors.dialog import ErrorDialogs

        if self._errors is None:
            self._errors = ErrorDialogs(self, self.open_log)
        self._errors.show(error)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._layout_timer.start()

    def moveEvent(self, event: QMoveEvent) -> None:
        super().moveEvent(event)
        self._layout_timer.start()

    def _lay_out(self) -> None:
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(self.chat, 1)
        self._splitter = QSplitter(Qt.Orientation.Horizontal)
        self._splitter.setHandleWidth(1)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.addWidget(self.sidebar)
        self._splitter.addWidget(right)
        self._splitter.setStretchFactor(1, 1)
        self._splitter.setSizes([theme.SIDEBAR_WIDTH, _DEFAULT_SIZE[0] - theme.SIDEBAR_WIDTH])
        theme.follow_scale(self._fit_minimum)
        right.setMinimumWidth(380)
        self._splitter.splitterMoved.connect(self._layout_timer.start)
        self.setCentralWidget(self._splitter)

    def _fit_minimum(self) -> None:
        """Large text needs a larger window, as far as the screen goes."""
        self.sidebar.setMinimumWidth(min(theme.scaled(180), _WIDEST_SIDEBAR))
        width, height = _MINIMUM_SIZE
        room = self.screen().availableSize()
        self.setMinimumSize(
            max(width, min(theme.scaled(width), room.width() - _AROUND)),
            max(height, min(theme.scaled(height), room.height() - _AROUND)),
        )

    def _connect(self) -> None:
        self._bridge.arrived.connect(self.chat.take)
        self.sidebar.opened.connect(self._open)
        self.sidebar.renamed.connect(self._show_title)
        self.sidebar.about_to_leave.connect(self.chat.save_draft)
        self.sidebar.deleted.connect(self.chat.forget)
        self.sidebar.chosen.connect(self.chat.composer.setFocus)
        self.sidebar.failed.connect(self.chat.show_error)
        self.sidebar.search.chosen.connect(self._show_found)
        self.sidebar.more_for_one.append((lambda: tr("Export…"), self.files.export_one))
        self.files.failed.connect(self.chat.show_error)
        self.files.imported.connect(self._show_imported)
        conversations = Reader(
            IMPORTED_SUFFIXES,
            self.files.import_files,
            lambda: tr(
                "conversations (JSON or Markdown of GEB Chat, ChatGPT's conversations.json)"
            ),
            # Any other Markdown is a document.
            lambda path: path.suffix.lower() != ".md" or is_conversation(path),
        )
        self.drop.add(conversations)
        self.drop.add(Reader(DOCUMENT_SUFFIXES, self.desk.take_files, document_kinds))
        self.chat.status.server.clicked.connect(lambda: self.accompany().open_api())
        self.chat.sent.connect(self._refresh_list)

    def _add_actions(self) -> None:
        stop = add_action(self, "stop", "Stop", self.chat.stop, "Esc", group=Group.MESSAGE)
        stop.setEnabled(False)
        self.chat.answering_changed.connect(stop.setEnabled)
        add_action(self, "palette", "Command palette", self.open_palette, "Ctrl+K")
        add_action(self, "menu", "Menu", self.header.menu_button.showMenu, "F10")
        add_action(self, "guide", "Guide", self.open_guide, "Shift+F1")
        add_action(self, "shortcuts", "Keyboard shortcuts", self.open_shortcuts, "F1")
        add_action(self, "quick-ask", "Quick question", lambda: self.accompany().open_quick_ask())
        add_action(self, "api", "Other programs", lambda: self.accompany().open_api())
        add_action(self, "log", "Show the log", self.open_log)
        add_action(self, "erase-everything", "Delete everything…", self.ask_to_erase)
        add_action(self, "quit", "Quit", self.end, "Ctrl+Q")

    def open_palette(self) -> None:
        """Show the palette of all actions and conversations."""
        from app.palette.entries import action_entries
        from app.palette.palette import CommandPalette

        actions = [action for action in actions_of(self) if action.objectName() != "palette"]
        CommandPalette(self, action_entries(actions), self._more_entries).show()

    def open_guide(self) -> None:
        """Show the user guide."""
        from app.guide import GuideWindow

        GuideWindow(self).open()

    def open_shortcuts(self) -> None:
        """Show every action with its keys."""
        from app.shortcuts import ShortcutsPage

        ShortcutsPage(actions_of(self), self).open()

    def ask_to_erase(self) -> None:
        """Offer to delete everything that is kept; it happens once the window is closed."""
        from app.erase_dialog import EraseDialog

        try:
            dialog = EraseDialog(everything(), self)
        except StoreError as error:
            self.chat.show_error(error)
            return
        dialog.agreed.clicked.connect(self._erase)
        dialog.open()

    def _erase(self) -> None:
        self.erases_on_exit = True
        self.end()

    def open_log(self) -> None:
        """Show what has been logged."""
        from app.errors.log_window import LogWindow

        try:
            LogWindow(log_dir() / "geb.log", self).show()
        except StoreError as error:
            self.chat.show_error(error)

    def come_forward(self) -> None:
        """Show the window above others, wherever it was."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def raise_for(self, request: Request) -> None:
        """Come to the front, as a later start asked, and take the files that it was given."""
        if request.activation:
            os.environ["XDG_ACTIVATION_TOKEN"] = request.activation  # Qt takes it from there
        self.come_forward()
        if request.model is not None:
            self.load_model(request.model)
        if request.files:
            self.drop.take(request.files)

    def _more_entries(self) -> Sequence["Entry"]:
        from app.palette.entries import conversation_entries, setting_entries

        settings = setting_entries(self.settings.open_at)
        try:
            conversations = self._service.store.list_conversations()
        except StoreError as error:
            self.chat.show_error(error)
            return settings
        return settings + conversation_entries(conversations, self._jump_to)

    def _jump_to(self, conversation_id: int) -> None:
        self.sidebar.list.setCurrentIndex(self.sidebar.model.index_of(conversation_id))
        self.chat.composer.setFocus()

    def _order_tabs(self) -> None:
        order = [
            self.chat.composer.edit,
            self.desk.scope,
            self.chat.composer.button,
            self.chat.status.model,
            self.sidebar.new_button,
            self.sidebar.search.field,
            self.sidebar.list,
            self.documents_button,
            self.settings_button,
            *self.header.buttons,
            self.chat.status.server,
            self.chat.transcript,
        ]
        for first, second in pairwise(order):
            self.setTabOrder(first, second)

    def _restore(self, crashes: int) -> None:
        self.resize(*_DEFAULT_SIZE)
        geometry, splitter = self._settings.value("geometry"), self._settings.value("splitter")
        if geometry is not None:
            self.restoreGeometry(geometry)
        if splitter is not None:
            self._splitter.restoreState(splitter)
        stored = str(self._settings.value("conversation", ""))
        last = int(stored) if stored.isdecimal() else None
        if crashes > 1:
            self.sidebar.new()  # what was open may be why
        else:
            self.sidebar.ensure_open(last)
        if crashes:
            self._say_crashed(last if crashes > 1 else None)
        self.chat.composer.setFocus()

    def _say_crashed(self, left_closed: int | None) -> None:
        """Tell that the last run ended badly; offer the conversation that was left closed."""
        if left_closed is None or not self.sidebar.model.index_of(left_closed).isValid():
            self.chat.notice.tell(
                tr(
                    "GEB Chat did not end as it should last time. Your conversations and what you "
                    "were writing are here."
                ),
                action=tr("Show the log"),
                on_action=self.open_log,
            )
        else:
            self.chat.notice.tell(
                tr(
                    "GEB Chat ended unexpectedly several times, so the last conversation was not "
                    "opened again. It is stored, with what you were writing."
                ),
                action=tr("Open it"),
                on_action=lambda: self._jump_to(left_closed),
            )

    def _open(self, conversation_id: int) -> None:
        self.chat.open(conversation_id)
        self.models.opened()
        self._show_title(conversation_id)
        self._layout_timer.start()

    def _show_found(self, conversation_id: int, message_id: int | None, query: str) -> None:
        self._jump_to(conversation_id)
        if self.chat.conversation_id == conversation_id and message_id is not None:
            self.chat.show_found(message_id, query)

    def _show_imported(self, ids: list[int]) -> None:
        """Show what was imported in the list, and open it where it is a single conversation."""
        if len(ids) == 1:
            self.chat.save_draft()
            self.sidebar.ensure_open(ids[0])
        elif self.chat.conversation_id is not None:
            self._refresh_list(self.chat.conversation_id)

    def _refresh_list(self, conversation_id: int) -> None:
        try:
            self.sidebar.reload(conversation_id)
        except StoreError as error:
            self.chat.show_error(error)
        self._show_title(conversation_id)

    def _name_again(self) -> None:
        """Show in the language in use what stands for a title, and the days of the list."""
        number = self.chat.conversation_id
        if number is not None:
            self._refresh_list(number)

    def _show_title(self, conversation_id: int) -> None:
        index = self.sidebar.model.index_of(conversation_id)
        if index.isValid() and conversation_id == self.chat.conversation_id:
            self.header.title.set_full_text(display_title(self.sidebar.model.conversation(index)))
