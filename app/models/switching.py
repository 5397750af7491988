"""Which model answers the open conversation: shown, chosen, and not loaded again after a crash."""

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from app.actions import add_action
from app.chat_view import ChatView
from app.models.chooser import ModelButton
from app.texts import show_text
from engine.bundle_paths import bundle_name, default_bundle_path
from engine.chat import ChatService
from engine.errors import BundleError, GebError
from engine.events import ModelLoaded
from engine.i18n import tr
from engine.safe_mode import SuspectedModelError
from engine.settings.answer import own_values, reset_own, set_own
from engine.settings.table import MODEL


class ModelSwitcher(QObject):
    """Works on the model button of a window's status line."""

    def __init__(self, window: QWidget, service: ChatService, chat: ChatView) -> None:
        super().__init__(window)
        self._service = service
        self._chat = chat
        self._nothing_loaded = False
        self._button: ModelButton = chat.status.model
        self._button.current = self._wanted
        self._button.chosen.connect(self.choose)
        self.action = add_action(window, "choose-model", "Choose model", self._button.showMenu)

        service.settings.watch(self._settings_changed)

    def load(self, path: Path | None) -> None:
        """Begin to load the model at `path`, or (None) that of the open conversation."""
        self._chat.status.show_loading()
        self._nothing_loaded = False
        try:
            if path is not None:
                self._service.load_model(path)
            elif not self._service.load_for(self._chat.conversation_id):
                self._show_loaded()
        except GebError as error:
            self._refuse(error)

    def opened(self) -> None:
        """Another conversation is open: say which model it wants, and load it if there is none."""
        if self._nothing_loaded:
            self.load(None)
            return
        loaded, wanted = self._service.worker.loaded, self._wanted()
        if loaded is not None and wanted:
            self._show(loaded, wanted)

    def choose(self, name: str) -> None:
        """Let an installed model answer the open conversation from now on, and load it now."""
        number = self._chat.conversation_id
        if number is None:
            return
        store = self._service.store
        try:
            if name == self._usual():
                reset_own(store, number, MODEL.name)
            else:
                set_own(store, number, MODEL, name)
        except GebError as error:
            self._chat.show_error(error)
            return
        self._service.trust_again(number)  # it was asked for by name
        self.load(None)

    def choose_for_all(self, name: str) -> None:
        """Let an installed model answer wherever a conversation names no other."""
        try:
            default = name == default_bundle_path().name
            self._service.use_by_default(None if default else name)
        except GebError as error:
            self._chat.show_error(error)
            return
        self.load(None)

    def deleted(self, name: str) -> None:
        """A model is gone: where it answered by default, ours does again."""
        if self._service.settings.get(MODEL) == name:
            self.choose_for_all(default_bundle_path().name)
        else:
            self.opened()

    def usual(self) -> str:
        """Return the name of the model that answers where a conversation names no other."""
        return self._usual()

    def _usual(self) -> str:
        try:
            return bundle_name(self._service.choice(None, suspected=True)[0].path)
        except BundleError:
            return ""

    def _wanted(self) -> str:
        """Return the name of the model that the open conversation wants, "" if it is gone."""
        try:
            choice, _ = self._service.choice(self._chat.conversation_id, suspected=True)
        except GebError:
            return ""
        return bundle_name(choice.path)

    def _settings_changed(self, names: frozenset[str]) -> None:
        if MODEL.name in names:
            self.opened()

    def _show_loaded(self) -> None:
        loaded = self._service.worker.loaded
        if loaded is not None:
            self._chat.status.show_model(loaded.name, loaded.context_length)

    def _show(self, loaded: ModelLoaded, wanted: str) -> None:
        name = Path(wanted).name
        if name == loaded.name:
            self._chat.status.show_model(loaded.name, loaded.context_length)
        else:
            show_text(self._button.setText, "{name}: loads with the next message", name=name)

    def _refuse(self, error: GebError) -> None:
        self._nothing_loaded = self._service.worker.loaded is None
        self._chat.show_no_model(error)
        if not isinstance(error, SuspectedModelError):
            return
        actions = {tr("Try it again"): self._try_again}
        if error.path != _default_path():
            actions = {tr("Use the default model"): self._use_default, **actions}
        self._chat.notice.offer(error, actions)

    def _try_again(self) -> None:
        self._service.trust_again(self._chat.conversation_id)
        self.load(None)

    def _use_default(self) -> None:
        """Name the default model where the suspected one was named."""
        number = self._chat.conversation_id
        try:
            if number is not None and MODEL.name in own_values(self._service.store, number):
                set_own(self._service.store, number, MODEL, default_bundle_path().name)
            else:
                self._service.use_by_default(None)
        except GebError as error:
            self._chat.show_error(error)
            return
        self.load(None)


def _default_path() -> Path | None:
    try:
        return default_bundle_path()
    except BundleError:
        return None
