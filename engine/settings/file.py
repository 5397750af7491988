"""The settings file: read with distrust, changed in one step, never damaged further.

What this version does not know stays in the file; what it cannot use is not used, is told in
one sentence, and stays as well, until the person changes that setting.
"""

import copy
import json
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from engine.backup import back_up_file
from engine.errors import GebError, SettingsError, StoreError
from engine.i18n import system_language
from engine.paths import config_dir
from engine.private_file import write_private
from engine.settings.migrations import (
    FIRST_VERSION,
    MIGRATIONS,
    Document,
    Migration,
    migrate,
    newest_version,
)
from engine.settings.salvage import salvage, salvage_prompts
from engine.settings.setting import Setting, Value, storable
from engine.settings.table import BY_NAME, LANGUAGE

_MAX_BYTES: Final = 4 << 20
_T = TypeVar("_T", bound=Value)
_logger = logging.getLogger(__name__)


class Settings:
    """The settings of the application, from the file at `path` (None: of this process alone).

    `problems` says what was wrong with the file; the settings work nevertheless. A file of a
    newer version is used as far as this one knows what is in it, and changes raise SettingsError,
    as they do where the file cannot be read or written.
    """

    def __init__(self, path: Path | None, migrations: Sequence[Migration] = MIGRATIONS) -> None:
        self._path = path
        self._migrations = migrations
        self._watchers: list[Callable[[frozenset[str]], None]] = []
        self._values: dict[str, Value] = {}
        self._frozen: SettingsError | None = None
        self._version_in_file = 0
        self._document: Document = {"version": newest_version(migrations), "settings": {}}
        self.problems: list[GebError] = []
        try:
            self._document = self._read()
            self._frozen = self._newer(self._document)
        except SettingsError as error:
            self._frozen = error
        if self._frozen is not None:
            self.problems.append(self._frozen)
        self._values, bad = _usable(self._document)
        self.problems += bad

    def get(self, setting: Setting[_T]) -> _T:
        """Return the value of a setting, its default where it has none."""
        return cast(_T, self._values.get(setting.name, setting.default))

    def is_set(self, setting: Setting[Value]) -> bool:
        """Tell whether the person chose a value other than the default."""
        return setting.name in self._values

    def set(self, setting: Setting[Value], value: object) -> None:
        """Change a setting. Raises SettingsError, with nothing changed."""
        self.change({setting.name: value})

    def change(self, values: Mapping[str, object]) -> None:
        """Change settings by name, all or (SettingsError) none of them."""
        checked = {name: BY_NAME[name].check(value) for name, value in values.items()}

        def apply(document: Document) -> None:
            for name, value in checked.items():
                document["settings"].pop(name, None)
                if value != BY_NAME[name].default:
                    document["settings"][name] = value

        self.edit(apply)

    def part(self, key: str) -> Any:
        """Return a copy of what the file holds under a key of its own; None at first."""
        return copy.deepcopy(self._document.get(key))

    def set_part(self, key: str, value: object) -> None:
        """Keep a JSON value under a key of its own. Raises SettingsError."""
        self.edit(lambda document: document.update({key: value}))

    def watch(self, on_change: Callable[[frozenset[str]], None]) -> None:
        """Call `on_change` after each change, with the names of the settings that are new."""
        self._watchers.append(on_change)

    def edit(self, apply: Callable[[Document], None]) -> None:
        """Let `apply` change the document, and write it. Raises SettingsError."""
        if self._frozen is not None:
            raise self._frozen
        # Another process may have changed something else meanwhile.
        document = self._read() if self._path else copy.deepcopy(self._document)
        if (newer := self._newer(document)) is not None:
            raise newer
        apply(document)
        if self._path is not None:
            self._back_up(self._path)
            _write(self._path, document)
        self._adopt(document)

    def reload(self) -> None:
        """Take over what another process wrote; a file that is gone or damaged changes nothing."""
        if self._path is None:
            return
        try:
            document = _parse(self._path)
        except OSError:
            return
        if document is None:  # somebody is at it, perhaps; the next start saves what it can
            return
        version = document["version"]
        document = migrate(document, self._migrations)
        if document == self._document:
            return
        self._version_in_file, self._frozen = version, self._newer(document)
        self._adopt(document)

    @property
    def path(self) -> Path | None:
        """The file, if there is one."""
        return self._path

    def _adopt(self, document: Document) -> None:
        before, self._document = self._values, document
        self._values, _ = _usable(document)
        names = before.keys() | self._values.keys()
        new = frozenset(n for n in names if before.get(n) != self._values.get(n))
        for on_change in list(self._watchers):
            on_change(new)

    def _read(self) -> Document:
        """Return the file's document in today's version, or in its own if that is newer.

        A damaged file is set aside, and what can be read of it is returned.
        """
        newest = self._version_in_file = newest_version(self._migrations)
        fresh: Document = {"version": newest, "settings": {}}
        if self._path is None:
            return fresh
        try:
            document = _parse(self._path)
        except FileNotFoundError:
            return fresh
        except OSError as error:
            raise SettingsError(
                "The settings in {path} cannot be read: {detail}. The usual ones are used.",
                path=self._path,
                detail=error.strerror,
            ) from error
        if document is None:
            self._rescue(self._path, fresh)
            return fresh
        self._version_in_file = document["version"]
        return migrate(document, self._migrations)

    def _newer(self, document: Document) -> SettingsError | None:
        """Return why a document of a newer version must not be changed."""
        if document["version"] <= newest_version(self._migrations):
            return None
        return SettingsError(
            "The settings in {path} come from a newer version of GEB Chat: they are used as far as "
            "this version knows them, but cannot be changed. Update the application.",
            path=self._path,
        )

    def _back_up(self, path: Path) -> None:
        """Keep a copy of a file that is about to be brought to today's version."""
        if self._version_in_file >= newest_version(self._migrations):
            return
        try:
            back_up_file(path, self._version_in_file)
        except OSError as error:
            raise SettingsError(
                "{path} must be changed for this version of GEB Chat, but no copy of it can be "
                "made: {detail}. Nothing was changed.",
                path=path,
                detail=error.strerror,
            ) from error

    def _rescue(self, path: Path, fresh: Document) -> None:
        """Set a damaged file aside; what can be read of it goes into `fresh`, and on the disk."""
        names = (
            path.with_name(f"{path.stem}.damaged-{number}{path.suffix}") for number in count(1)
        )
        kept = next(name for name in names if not name.exists())
        try:
            data = path.read_bytes() if path.stat().st_size <= _MAX_BYTES else b""
            fresh["settings"] = salvage(data)
            if prompts := salvage_prompts(data):
                fresh["prompts"] = prompts
            saved = len(fresh["settings"]) + len(prompts)
            if saved:  # a copy: what was saved replaces the file in one step
                shutil.copy2(path, kept)
            else:
                path.rename(kept)
        except OSError as error:
            raise SettingsError(
                "The settings in {path} are damaged and cannot be moved: {detail}. The usual ones "
                "are used.",
                path=path,
                detail=error.strerror,
            ) from error
        self.problems.append(
            SettingsError(
                "The settings were damaged; {count} of them could be saved. The damaged file is "
                "kept in {path}.",
                count=saved,
                path=kept,
            )
        )
        if saved:
            _write(path, fresh)


def open_settings() -> Settings:
    """Return the settings of this user; what is wrong with them is in `problems`."""
    try:
        return Settings(config_dir() / "settings.json")
    except StoreError as error:  # no folder: the settings last as long as the process
        settings = Settings(None)
        settings.problems.append(error)
        return settings


def chosen_language(settings: Settings) -> str:
    """Return the language that the person chose, or else that of the system."""
    language = settings.get(LANGUAGE)
    return system_language() if language == "system" else language


def _parse(path: Path) -> Document | None:
    """Return the document; None where the file holds none. Raises OSError."""
    if path.stat().st_size > _MAX_BYTES:
        return None
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        _logger.warning("the settings are damaged", exc_info=True)
        return None
    if not isinstance(document, dict):
        return None
    version = document.setdefault("version", FIRST_VERSION)
    sound = type(version) is int and version >= FIRST_VERSION
    if not sound or not isinstance(document.setdefault("settings", {}), dict):
        return None
    return document


def _usable(document: Document) -> tuple[dict[str, Value], list[SettingsError]]:
    """Return the good values of known settings, and what is wrong with the others."""
    good: dict[str, Value] = {}
    bad = []
    for name, value in document["settings"].items():
        setting = BY_NAME.get(name)
        if setting is None:
            continue
        try:
            good[name] = setting.check(value)
        except SettingsError as error:
            bad.append(error)
    return good, bad


def _write(path: Path, document: Document) -> None:
    text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    if not storable(text):  # an unknown key may hold anything that JSON can say
        text = json.dumps(document, indent=1) + "\n"
    try:
        write_private(path, text)
    except OSError as error:
        raise SettingsError(
            "The settings cannot be written to {path}: {detail}.",
            path=path,
            detail=error.strerror,
        ) from error
