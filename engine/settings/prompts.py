"""System prompts with names: some that come with the application, and the person's own."""

from dataclasses import dataclass
from typing import Any, Final

from engine.errors import SettingsError
from engine.i18n import to_translate, tr
from engine.settings.file import Settings
from engine.settings.table import SYSTEM_PROMPT

MAX_NAME: Final = 60
_KEY: Final = "prompts"


@dataclass(frozen=True)
class Prompt:
    """A text with its name, both in the user's language where they are ours."""

    name: str
    text: str
    built_in: bool = False


_BUILT_IN: Final = (
    (
        to_translate("Short answers"),
        to_translate("Answer in one or two short sentences. If you do not know, say so."),
    ),
    (
        to_translate("Translator"),
        to_translate(
            "Translate what the user writes: Chinese into English, and English into Chinese. "
            "Write only the translation."
        ),
    ),
    (
        to_translate("Summary"),
        to_translate(
            "Summarise what the user writes in at most three sentences, in the language in which "
            "it is written. Add nothing to it."
        ),
    ),
    (
        to_translate("Patient teacher"),
        to_translate(
            "You are a patient teacher. Explain simply, step by step, with an example from "
            "everyday life."
        ),
    ),
)


def built_in_prompts() -> list[Prompt]:
    """Return those that come with the application."""
    return [Prompt(tr(name), tr(text), built_in=True) for name, text in _BUILT_IN]


def own_prompts(settings: Settings) -> list[Prompt]:
    """Return the person's own, in the order in which they were made."""
    return [Prompt(entry["name"], entry["text"]) for entry in _entries(settings) if _usable(entry)]


def add_prompt(settings: Settings, name: str, text: str) -> Prompt:
    """Keep a new prompt. Raises SettingsError for a name that is taken, and as `replace_prompt`."""
    prompt = _checked(name, text)
    _require_free(settings, prompt.name)
    settings.set_part(_KEY, [*_entries(settings), {"name": prompt.name, "text": prompt.text}])
    return prompt


def replace_prompt(settings: Settings, former: str, name: str, text: str) -> Prompt:
    """Give the prompt `former` another name and text.

    Raises SettingsError for a name that is empty, too long or taken, and for a text that is
    too long.
    """
    prompt = _checked(name, text)
    if prompt.name != former:
        _require_free(settings, prompt.name)
    entries = _entries(settings)
    for entry in entries:
        if _usable(entry) and entry["name"] == former:
            entry |= {"name": prompt.name, "text": prompt.text}
    settings.set_part(_KEY, entries)
    return prompt


def delete_prompt(settings: Settings, name: str) -> None:
    """Remove one of the person's own. Raises SettingsError if it cannot be written."""
    entries = [e for e in _entries(settings) if not (_usable(e) and e["name"] == name)]
    settings.set_part(_KEY, entries)


def free_name(settings: Settings, wished: str) -> str:
    """Return `wished`, or with a number behind it, so that no other prompt has the name."""
    taken, number, name = _names(settings), 1, wished
    while name in taken:
        number += 1
        name = f"{wished[: MAX_NAME - 5]} {number}"
    return name


def _entries(settings: Settings) -> list[Any]:
    entries = settings.part(_KEY)
    if entries is None:
        return []
    return entries if isinstance(entries, list) else [entries]  # nothing in the file is lost


def _usable(entry: object) -> bool:
    if not isinstance(entry, dict):
        return False
    try:
        _checked(entry.get("name"), entry.get("text"))
    except SettingsError:
        return False
    return True


def _checked(name: object, text: object) -> Prompt:
    words = " ".join(name.split()) if isinstance(name, str) else ""
    if not 0 < len(words) <= MAX_NAME:
        raise SettingsError("A prompt needs a name of at most {count} characters.", count=MAX_NAME)
    return Prompt(words, SYSTEM_PROMPT.check(text))


def _names(settings: Settings) -> set[str]:
    return {prompt.name for prompt in [*built_in_prompts(), *own_prompts(settings)]}


def _require_free(settings: Settings, name: str) -> None:
    if name in _names(settings):
        raise SettingsError("There is a prompt “{name}” already.", name=name)
