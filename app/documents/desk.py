"""Joins a person's documents to the window: opens the library when it is first needed."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QWidget

from app.actions import Group, add_action
from app.chat_view import ChatView
from app.documents.attached_files import AttachedFiles
from app.documents.choosing import Chooser
from app.documents.events import LibraryEvents
from app.documents.scope_button import ScopeButton
from engine.chat import ChatService
from engine.documents.answering.sources import Citation, DocumentScope
from engine.documents.passages import RetrievedPassage
from engine.errors import DocumentError, GebError, StoreError
from engine.i18n import tr

if TYPE_CHECKING:
    from app.documents.preview import Preview
    from app.documents.window import DocumentsWindow
    from engine.documents.service import DocumentService

_AFTER_START_MS = 1500
"""Indexing of what was added before goes on once the window has had time to appear."""


class DocumentsDesk(QObject):
    """The actions of a window about documents, and what they open. `close` ends all of it."""

    def __init__(
        self, window: QWidget, service: ChatService, chat: ChatView, library_path: Path
    ) -> None:
        super().__init__(window)
        self._window = window
        self._chat_service = service
        self._chat = chat
        self._library_path = library_path
        self._library: DocumentService | None = None
        self._documents: DocumentsWindow | None = None
        self._preview: Preview | None = None
        self._chooser = Chooser(window)
        self.events = LibraryEvents(self)
        self.events.changed.connect(self._offer_collections)
        self.scope = ScopeButton()
        self.scope.changed.connect(self._keep_choice)
        self.scope.attach_requested.connect(self.attach)
        self.scope.manage_requested.connect(self.open)
        chat.composer.add_tool(self.scope)
        self.attached = AttachedFiles(chat.composer.edit)
        self._attached: dict[int | None, tuple[Path, ...]] = {}
        """By conversation, while the window lives."""
        self.attached.changed.connect(self._keep_files)
        chat.composer.add_above(self.attached)
        chat.opened.connect(self._show_choice)
        self._refused_said: object = None
        chat.sent.connect(self._forget_refused)
        chat.source_opened.connect(self.show_source)
        chat.documents = self.asked
        group = Group.APPLICATION
        self.action = add_action(window, "documents", "Documents", self.open, "Ctrl+D", group=group)
        add_action(
            window,
            "attach",
            "Attach files…",
            self.attach,
            "Ctrl+Shift+A",
            group=Group.MESSAGE,
        )
        if library_path.exists():
            QTimer.singleShot(_AFTER_START_MS, self, self._library_service)

    def asked(self) -> DocumentScope | None:
        """Return the documents that the next question asks; None for none."""
        return DocumentScope(collections=self.scope.asked, files=self.attached.files) or None

    def open(self) -> "DocumentsWindow | None":
        """Show the library."""
        from app.documents.window import DocumentsWindow

        library = self._library_service()
        if library is None:
            return None
        if self._documents is None:
            self._documents = DocumentsWindow(library, self.events, self._window)
            self._documents.opened.connect(self.show_source)
            self._documents.ask.connect(self._ask_collection)
        self._documents.show()
        self._documents.raise_()
        self._documents.activateWindow()
        return self._documents

    def _ask_collection(self, number: int) -> None:
        """Let the open conversation ask a collection, and the person write the question."""
        self.scope.add_collection(number)
        self._window.raise_()
        self._window.activateWindow()
        self._chat.composer.setFocus()

    def attach(self) -> None:
        """Let the questions of the open conversation ask files that the person chooses."""
        self.take_files(self._chooser.files(tr("Attach files")))

    def take_files(self, paths: Sequence[Path]) -> None:
        """Attach files; folders become a collection, which are read once and kept up with.

        Files that cannot be read are refused with the reason.
        """
        from engine.documents.attaching import check_attached

        fit: list[Path] = []
        refused: list[GebError] = []
        for path in paths:
            if not path.is_dir():
                try:
                    check_attached(path)
                    fit.append(path)
                except DocumentError as error:
                    refused.append(error)
        self.attached.add(fit)
        if refused:
            self._refused_said = self._chat.notice.tell_all(refused)
        folders = [path for path in paths if path.is_dir()]
        if folders and (documents := self.open()) is not None:
            documents.add_as_new(folders)

    def _forget_refused(self, _conversation_id: int) -> None:
        """A question was sent: what could not be attached belonged to it."""
        self._chat.notice.withdraw(self._refused_said)

    def show_source(self, source: Citation | RetrievedPassage) -> None:
        """Show the place that an answer cites, or that a search found."""
        from app.documents.preview import Preview

        if self._preview is None:
            self._preview = Preview(self._window)
        if isinstance(source, Citation):
            self._preview.show_citation(source)
        else:
            self._preview.show_passage(source)

    def close(self) -> None:
        """Close the windows and the library; what was not indexed yet waits."""
        self.events.close()
        if self._preview is not None:
            self._preview.shutdown()
        if self._library is not None:
            self._library.close()
            self._library = None

    def _library_service(self) -> "DocumentService | None":
        if self._library is None:
            from engine.documents.service import DocumentService

            try:
                self._library = DocumentService(self._library_path, self.events.post)
            except StoreError as error:
                self._tell(error)
                return None
            if trouble := self._library.library_notice():
                self._chat.notice.tell(trouble)
            self._offer_collections()
        return self._library

    def _offer_collections(self) -> None:
        if self._library is not None:
            try:
                self.scope.show_collections(self._library.collections())
            except StoreError as error:
                self._tell(error)

    def _show_choice(self, conversation_id: int) -> None:
        self.attached.show_files(self._attached.get(conversation_id, ()))
        try:
            self.scope.choose(self._chat_service.store.collections(conversation_id))
        except StoreError as error:
            self._tell(error)

    def _keep_files(self) -> None:
        self._attached[self._chat.conversation_id] = self.attached.files

    def _keep_choice(self) -> None:
        number = self._chat.conversation_id
        if number is not None:
            try:
                self._chat_service.store.set_collections(number, self.scope.chosen)
            except StoreError as error:
                self._tell(error)

    def _tell(self, error: GebError) -> None:
        self._chat.show_error(error)
