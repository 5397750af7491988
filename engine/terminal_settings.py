"""`geb settings`: the table of settings as a list to read, and a way to change one."""

from engine.errors import GebError, SettingsError
from engine.i18n import tr
from engine.settings.file import Settings, open_settings
from engine.settings.setting import Setting, Value
from engine.settings.table import BY_NAME, SETTINGS
from engine.terminal_text import notice, say


def list_settings() -> int:
    """Print every setting with its value, range and meaning; return the exit status."""
    settings = _open()
    for setting in SETTINGS:
        say(_describe(settings, setting))
    return 0


def show_setting(name: str) -> int:
    """Print one setting; return the exit status."""
    settings = _open()
    try:
        say(_describe(settings, _named(name)))
    except GebError as error:
        notice(error)
        return 1
    return 0


def change_setting(name: str, text: str) -> int:
    """Give a setting the value that `text` says, "default" for the usual one, and print it."""
    settings = _open()
    try:
        setting = _named(name)
        settings.set(setting, setting.default if text == "default" else setting.parse(text))
        say(_describe(settings, setting))
    except GebError as error:
        notice(error)
        return 1
    return 0


def _open() -> Settings:
    settings = open_settings()
    for problem in settings.problems:
        notice(problem)
    return settings


def _named(name: str) -> Setting[Value]:
    if name not in BY_NAME:
        raise SettingsError("There is no setting {name}; `geb settings` lists all.", name=name)
    return BY_NAME[name]


def _describe(settings: Settings, setting: Setting[Value]) -> str:
    chosen = settings.get(setting)
    value, meaning = setting.word(chosen), setting.show(chosen)
    if not settings.is_set(setting):
        value = tr("{value} (default)", value=value)
    elif value != meaning:
        value = tr("{value} ({meaning})", value=value, meaning=meaning)
    lines = [
        f"{setting.name}: {value}",
        "    " + tr("{label}. {help}", label=tr(setting.label), help=tr(setting.help)),
        f"    {setting.range()}",
    ]
    if setting.automatic:
        lines[-1] += tr("; default: {meaning}", meaning=tr(setting.automatic))
    return "\n".join(lines)
