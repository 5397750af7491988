"""What the next answer of a conversation uses: its own settings, or else the defaults."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar, cast

from engine.errors import SettingsError
from engine.sampling_params import SamplingChanges
from engine.settings import table
from engine.settings.file import Settings
from engine.settings.setting import Setting, Value
from engine.store import Store

_T = TypeVar("_T", bound=Value)
_PROMPT: Final = table.SYSTEM_PROMPT.name


@dataclass(frozen=True, kw_only=True)
class AnswerSettings:
    """The choices for one answer; None leaves one to the model or the computer."""

    model: str | None
    """As `find_bundle` takes it."""
    context_length: int | None
    threads: int | None
    system_prompt: str
    sampling: SamplingChanges


def answer_settings(settings: Settings, own: Mapping[str, Value]) -> AnswerSettings:
    """Return what a conversation with the values `own` (see `own_values`) uses."""

    def chosen(setting: Setting[_T]) -> _T:
        return cast(_T, own.get(setting.name, settings.get(setting)))

    sampling = {setting.name: chosen(setting) for setting in table.SAMPLING}
    return AnswerSettings(
        model=chosen(table.MODEL),
        context_length=chosen(table.CONTEXT_LENGTH),
        threads=chosen(table.THREADS),
        system_prompt=chosen(table.SYSTEM_PROMPT),
        sampling={name: value for name, value in sampling.items() if value is not None},
    )


def own_values(store: Store, conversation_id: int) -> dict[str, Value]:
    """Return the settings in which a conversation differs from the defaults, by name.

    Values that this version cannot use are left out. Raises StoreError.
    """
    own: dict[str, Value] = {}
    for name, value in store.settings(conversation_id).items():
        setting = table.BY_NAME.get(name)
        if setting is None or not setting.per_conversation:
            continue
        try:
            own[name] = setting.check(value)
        except SettingsError:
            continue
    prompt = store.conversation(conversation_id).system_prompt
    if prompt:
        own[_PROMPT] = prompt
    return own


def set_own(store: Store, conversation_id: int, setting: Setting[Value], value: object) -> None:
    """Give a conversation a value of its own. Raises SettingsError and StoreError."""
    checked = setting.check(value)
    with store.transaction():
        settings = store.settings(conversation_id)
        if setting.name == _PROMPT:
            store.set_system_prompt(conversation_id, str(checked))
        # An empty prompt must be told from none: it takes the place of the default one.
        store.set_settings(conversation_id, settings | {setting.name: checked})


def reset_own(store: Store, conversation_id: int, *names: str) -> None:
    """Let a conversation follow the defaults again, in these settings. Raises StoreError."""
    with store.transaction():
        settings = store.settings(conversation_id)
        kept = {name: value for name, value in settings.items() if name not in names}
        store.set_settings(conversation_id, kept)
        if _PROMPT in names:
            store.set_system_prompt(conversation_id, "")
