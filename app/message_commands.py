"""What can be done with the messages of the open conversation, by button, key and palette.

Nothing is erased by it: a changed message, another answer and a longer one are new versions.
"""

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.actions import Action, Group, add_action
from app.message_view import MessageView
from app.transcript import Transcript
from engine.chat import ChatService
from engine.errors import GebError
from engine.store import Message


class MessageCommands(QObject):
    """Acts on the message that has the focus, or else on the last one that fits."""

    branched = Signal(object)
    """Another branch is shown; the new answer that began to come, or None."""
    failed = Signal(object)

    def __init__(self, owner: QWidget, transcript: Transcript, service: ChatService) -> None:
        super().__init__(owner)
        self._transcript = transcript
        self._service = service
        transcript.edited.connect(self.edit)
        transcript.regenerate_requested.connect(self.regenerate)
        transcript.continue_requested.connect(self.go_on)
        transcript.version_requested.connect(self.step_version)
        self._quiet: list[Action] = []
        """Actions that wait for the end of an answer."""
        self._make_actions(owner)

    def edit(self, message_id: int, text: str) -> None:
        """Store a new version of a message; one's own is answered anew."""
        service = self._service

        def store() -> Message | None:
            if service.store.message(message_id).role == "user":
                return service.edit_question(message_id, text)[1]
            service.edit_answer(message_id, text)
            return None

        self._branch(store)

    def regenerate(self, message_id: int) -> None:
        """Let the model answer once more."""
        self._branch(lambda: self._service.regenerate(message_id))

    def go_on(self, message_id: int) -> None:
        """Let the model go on with an answer that was cut off."""
        self._branch(lambda: self._service.continue_answer(message_id))

    def step_version(self, message_id: int, step: int) -> None:
        """Show the version of a message that came before (-1) or after (1) it."""
        try:
            message = self._service.store.message(message_id)
            versions = self._service.store.versions(message.conversation_id)
            ids = versions.get(message_id, [message_id])
            place = ids.index(message_id) + step
            if not 0 <= place < len(ids):
                return
            self._service.show_version(ids[place])
        except GebError as error:
            self.failed.emit(error)
            return
        anchor = self._transcript.place_of(message_id)
        self.branched.emit(None)
        if anchor is not None:
            self._transcript.go_to(anchor._replace(message_id=ids[place]))

    def show_quiet(self, quiet: bool) -> None:
        """Allow what makes new versions only while no answer is being written."""
        self._transcript.show_quiet(quiet)
        some = bool(self._transcript.messages)
        for action in self._quiet:
            action.setEnabled(quiet and some)
        self._copy.setEnabled(some)
        self._copy_text.setEnabled(some)

    def _branch(self, store: Callable[[], Message | None]) -> None:
        try:
            begun = store()
        except GebError as error:
            self.failed.emit(error)
            return
        self.branched.emit(begun)

    def _make_actions(self, owner: QWidget) -> None:
        group = Group.MESSAGE
        self._copy = add_action(
            owner, "copy-message", "Copy message", self._copy_one, "Ctrl+Shift+C", group=group
        )
        self._copy_text = add_action(
            owner, "copy-text", "Copy message as text", self._copy_one_as_text, group=group
        )
        edit = add_action(owner, "edit", "Edit message", self._edit_one, "Ctrl+E", group=group)
        again = add_action(
            owner, "regenerate", "Regenerate answer", self._regenerate_one, "Ctrl+R", group=group
        )
        go_on = add_action(
            owner, "continue", "Continue answer", self._go_on_one, "Ctrl+Shift+Return", group=group
        )
        back = add_action(
            owner, "version-before", "Previous version", self._step_back, "Alt+Left", group=group
        )
        forth = add_action(
            owner, "version-after", "Next version", self._step_forth, "Alt+Right", group=group
        )
        add_action(
            owner, "message-up", "Go to the message above", self._go_up, "Alt+Up", group=group
        )
        add_action(
            owner, "message-down", "Go to the message below", self._go_down, "Alt+Down", group=group
        )
        self._quiet = [edit, again, go_on, back, forth]
        self.show_quiet(True)

    def _one(self, role: str = "") -> MessageView | None:
        """Return the message with the focus, else the last one (of that role)."""
        current = self._transcript.current()
        if current is not None:
            return current
        views = self._transcript.views()
        return next((v for v in reversed(views) if role in ("", v.message.role)), None)

    def _copy_one(self) -> None:
        if (view := self._one()) is not None:
            view.copy()

    def _copy_one_as_text(self) -> None:
        if (view := self._one()) is not None:
            view.copy_as_text()

    def _edit_one(self) -> None:
        if (view := self._one("user")) is not None:
            view.start_editing()

    def _regenerate_one(self) -> None:
        if (view := self._one("assistant")) is not None:
            self.regenerate(view.message.id)

    def _go_on_one(self) -> None:
        view = self._one("assistant")
        if view is not None and view.is_answer and view.can_continue():
            self.go_on(view.message.id)

    def _step_back(self) -> None:
        self._step(-1)

    def _step_forth(self) -> None:
        self._step(1)

    def _step(self, step: int) -> None:
        """Step from the focused message, or from the last one that has versions."""
        current = self._transcript.current()
        several = [view for view in self._transcript.views() if view.has_versions()]
        view = current if current in several else several[-1] if several else None
        if view is not None:
            self.step_version(view.message.id, step)

    def _go_up(self) -> None:
        self._transcript.focus_beside(-1)

    def _go_down(self) -> None:
        self._transcript.focus_beside(1)
