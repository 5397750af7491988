"""Opens the dialogs of settings; they are loaded when they are wanted."""

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.actions import Group, add_action
from app.chat_view import ChatView
from app.models.switching import ModelSwitcher
from engine.chat import ChatService
from engine.i18n import to_translate
from engine.sampling_params import GenerationDefaults
from engine.settings.answer import answer_settings
from engine.settings.setting import Page, Setting, Value
from engine.settings.table import MODEL, SETTINGS, SYSTEM_PROMPT

if TYPE_CHECKING:
    from app.models.page import ModelsPage
    from app.settings.conversation import ConversationDialog
    from app.settings.dialog import SettingsDialog
    from app.settings.fields import Field
    from app.settings.form import SettingsForm

_PAGES: Final[tuple[tuple[Page, str], ...]] = (
    ("appearance", to_translate("Appearance")),
    ("window", to_translate("Window")),
    ("answers", to_translate("Answers")),
)


class SettingsOpener(QObject):
    """The actions of a window that lead to settings, and what they open."""

    changed = Signal(object)
    """A setting of the open conversation was changed; None: perhaps all of them."""

    def __init__(
        self, window: QWidget, service: ChatService, chat: ChatView, models: ModelSwitcher
    ) -> None:
        super().__init__(window)
        self._window = window
        self._service = service
        self._chat = chat
        self._models = models
        self.action = add_action(window, "settings", "Settings", self.open, "Ctrl+,")
        self.models_action = add_action(window, "models", "Models", self.open_models)
        chat.status.model.more = [self.models_action]
        self.conversation_action = add_action(
            window,
            "conversation-settings",
            "Settings of this conversation",
            self.open_for_conversation,
            "Ctrl+Shift+,",
            group=Group.CONVERSATION,
        )

    def open(self) -> "SettingsDialog":
        """Show the settings of the application."""
        from app.settings.dialog import SettingsDialog
        from app.settings.form import SettingsForm
        from app.settings.prompts_page import PromptsPage
        from app.settings.source import ApplicationSource

        dialog = SettingsDialog(self._window)
        source = ApplicationSource(self._service.settings, self._recommended)
        for page, message in _PAGES:
            rows = [setting for setting in SETTINGS if setting.page == page]
            if rows:
                form = SettingsForm(rows, source, self._make_field)
                self._offer_prompts(form)
                dialog.add_page(message, form)
        dialog.add_page(to_translate("System prompts"), PromptsPage(self._service.settings))
        dialog.add_page(to_translate("Models"), self._models_page(dialog))
        _show(dialog)
        return dialog

    def open_at(self, words: str) -> "SettingsDialog":
        """Show the settings that `words` find."""
        dialog = self.open()
        dialog.search.setText(words)
        return dialog

    def open_models(self) -> "SettingsDialog":
        """Show the settings with the page of models."""
        dialog = self.open()
        dialog.pages.setCurrentRow(dialog.pages.count() - 1)
        return dialog

    def open_for_conversation(self) -> "ConversationDialog | None":
        """Show the settings of the open conversation."""
        from app.settings.conversation import ConversationDialog
        from app.settings.source import ApplicationSource, ConversationSource

        number = self._chat.conversation_id
        if number is None:
            return None
        usual = ApplicationSource(self._service.settings, self._recommended)
        source = ConversationSource(self._service.store, number, usual)
        dialog = ConversationDialog(source, self._make_field, self._window)
        dialog.changed.connect(self.changed)
        self._offer_prompts(dialog.form)
        _show(dialog)
        return dialog

    def _models_page(self, dialog: "SettingsDialog") -> "ModelsPage":
        from app.models.page import ModelsPage

        settings = self._service.settings
        page = ModelsPage(
            self._models.usual,
            self._service.store.speed,
            lambda: answer_settings(settings, {}).threads,
        )
        page.told.connect(dialog.notice.tell)
        page.chosen.connect(self._models.choose_for_all)
        page.deleted.connect(self._models.deleted)
        return page

    def _offer_prompts(self, form: "SettingsForm") -> None:
        from app.settings.fields import LinesField
        from app.settings.prompt_menu import PromptButton

        row = form.rows.get(SYSTEM_PROMPT.name)
        if row is not None and isinstance(row.field, LinesField):
            row.below.addWidget(PromptButton(row.field, self._service.settings))

    def _make_field(self, setting: Setting[Value]) -> "Field":
        from app.models.field import ModelField
        from app.settings.fields import make_field

        if setting.name == MODEL.name:
            return ModelField(setting)
        return make_field(setting)

    def _recommended(self) -> GenerationDefaults | None:
        loaded = self._service.worker.loaded
        return loaded.generation if loaded else None


def _show(dialog: "SettingsDialog | ConversationDialog") -> None:
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
