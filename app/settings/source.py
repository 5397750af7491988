"""Whose settings a page changes: those of the application, or those of one conversation."""

from collections.abc import Callable
from typing import Protocol

from engine.i18n import tr
from engine.sampling_params import GenerationDefaults
from engine.settings import table
from engine.settings.answer import own_values, reset_own, set_own
from engine.settings.file import Settings
from engine.settings.setting import Setting, Value
from engine.store import Store


class Source(Protocol):
    """What a form reads and changes. Changes raise SettingsError or StoreError."""

    def value(self, setting: Setting[Value]) -> Value:
        """Return the value of a setting; None where it is left to somebody else."""

    def is_set(self, setting: Setting[Value]) -> bool:
        """Tell whether the value differs from what it would be by itself."""

    def change(self, setting: Setting[Value], value: Value) -> None:
        """Choose a value."""

    def reset(self, setting: Setting[Value]) -> None:
        """Take back what was chosen."""

    def otherwise(self, setting: Setting[Value]) -> Value:
        """Return the value that counts where none is chosen; None where nobody knows it."""

    def otherwise_text(self, setting: Setting[Value]) -> str:
        """Say in the user's language what counts where none is chosen."""


class ApplicationSource:
    """The application's settings; the model recommends what they leave open."""

    def __init__(
        self, settings: Settings, recommended: Callable[[], GenerationDefaults | None]
    ) -> None:
        self.settings = settings
        self._recommended = recommended

    def value(self, setting: Setting[Value]) -> Value:
        return self.settings.get(setting)

    def is_set(self, setting: Setting[Value]) -> bool:
        return self.settings.is_set(setting)

    def change(self, setting: Setting[Value], value: Value) -> None:
        self.settings.set(setting, value)

    def reset(self, setting: Setting[Value]) -> None:
        self.settings.set(setting, setting.default)

    def otherwise(self, setting: Setting[Value]) -> Value:
        recommended = self._recommended()
        value: Value = getattr(recommended, setting.name, setting.default)
        return value

    def otherwise_text(self, setting: Setting[Value]) -> str:
        value = self.otherwise(setting)
        if value is None or setting.default is not None:
            return setting.show(setting.default)
        return tr("{meaning}: {value}", meaning=tr(setting.automatic), value=setting.show(value))


class ConversationSource:
    """The settings of one conversation; the application's count where it has none of its own."""

    def __init__(self, store: Store, conversation_id: int, usual: ApplicationSource) -> None:
        self.conversation_id = conversation_id
        self._store = store
        self._usual = usual

    def value(self, setting: Setting[Value]) -> Value:
        return own_values(self._store, self.conversation_id).get(setting.name)

    def is_set(self, setting: Setting[Value]) -> bool:
        return setting.name in own_values(self._store, self.conversation_id)

    def change(self, setting: Setting[Value], value: Value) -> None:
        set_own(self._store, self.conversation_id, setting, value)

    def reset(self, setting: Setting[Value]) -> None:
        reset_own(self._store, self.conversation_id, setting.name)

    def reset_all(self) -> None:
        """Let the conversation follow the defaults in everything."""
        names = [setting.name for setting in table.SETTINGS if setting.per_conversation]
        reset_own(self._store, self.conversation_id, *names)

    def otherwise(self, setting: Setting[Value]) -> Value:
        value = self._usual.value(setting)
        return self._usual.otherwise(setting) if value is None else value

    def otherwise_text(self, setting: Setting[Value]) -> str:
        value = self._usual.value(setting)
        if value is None:
            return self._usual.otherwise_text(setting)
        return tr("as usual: {value}", value=setting.show(value)) if value != "" else ""
