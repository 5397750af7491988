"""What a row of the table of settings says, and how it tells good values from bad ones."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import isfinite
from typing import Generic, Literal, TypeVar

from engine.errors import SettingsError
from engine.i18n import tr

Value = int | float | str | bool | None
"""What a setting can hold, and JSON can say."""
T = TypeVar("T", bound=Value, covariant=True)
Page = Literal["appearance", "window", "answers"]


@dataclass(frozen=True, kw_only=True)
class Setting(ABC, Generic[T]):
    """One setting. `default` None leaves the choice to the model or the computer.

    `label`, `help` and `automatic` are English sentences for `tr`.
    """

    name: str
    """Its key in files and commands; never changes."""
    default: T
    page: Page
    label: str
    help: str
    automatic: str = ""
    """What no value means, where there may be none."""
    per_conversation: bool = False
    """A conversation may have a value of its own; this one is then the default."""
    needs_restart: bool = False

    def check(self, value: object) -> T:
        """Return `value` if it is a possible one. Raises SettingsError."""
        if value is None and self.default is None:
            return self.default
        checked: T = self._check(value)
        return checked

    def parse(self, text: str) -> T:
        """Return the value that a person typed as `text` after the setting's name.

        Raises SettingsError in the words that they typed.
        """
        try:
            return self.check(self._read(text))
        except SettingsError as error:
            typed = {"label": self.name, "value": text[:80]}
            raise SettingsError(error.message, **error.values | typed) from None

    @abstractmethod
    def range(self) -> str:
        """Return the possible values in words, in the user's language."""

    def show(self, value: Value) -> str:
        """Return `value` as a person reads it."""
        return tr(self.automatic) if value is None else str(value)

    def word(self, value: Value) -> str:
        """Return `value` as a person types it, in any language."""
        return self.show(value)

    @abstractmethod
    def _check(self, value: object) -> T:
        """Return `value` if it is a possible one, of those that are not None."""

    def _read(self, text: str) -> Value:
        return text

    def _refuse(self, value: object) -> SettingsError:
        return SettingsError(
            "“{label}” must be {range}, not {value}.",
            label=_Translated(self.label),
            range=_Range(self),
            value=str(value)[:80],
        )


@dataclass(frozen=True, kw_only=True)
class _Number(Setting[T]):
    low: float
    high: float
    unit: str = ""
    step: float = 1

    def range(self) -> str:
        return tr("between {low} and {high}", low=_short(self.low), high=_short(self.high))

    def show(self, value: Value) -> str:
        shown = super().show(value)
        return shown if value is None or not self.unit else f"{shown} {tr(self.unit)}"

    def _without_unit(self, text: str) -> str:
        return text.removesuffix(self.unit).removesuffix(tr(self.unit))


@dataclass(frozen=True, kw_only=True)
class Whole(_Number[T]):
    """A whole number from `low` to `high`; `step` is what an arrow key adds."""

    low: int
    high: int
    step: int = 1

    def _check(self, value: object) -> T:
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._refuse(value)
        if not self.low <= value <= self.high:
            raise self._refuse(value)
        return value  # type: ignore[return-value]

    def _read(self, text: str) -> Value:
        try:
            return int(self._without_unit(text))
        except ValueError:
            return text


@dataclass(frozen=True, kw_only=True)
class Real(_Number[T]):
    """A number from `low` to `high`."""

    def _check(self, value: object) -> T:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._refuse(value)
        if not self.low <= value <= self.high or not isfinite(value):
            raise self._refuse(value)
        return value  # type: ignore[return-value]

    def _read(self, text: str) -> Value:
        try:
            return float(self._without_unit(text))
        except ValueError:
            return text


@dataclass(frozen=True, kw_only=True)
class Choice(Setting[str]):
    """One of several words."""

    choices: tuple[tuple[str, str], ...]
    """(value, English label); a label that is the same in every language is left as it is."""

    def range(self) -> str:
        return tr("one of {values}", values=", ".join(value for value, _ in self.choices))

    def show(self, value: Value) -> str:
        return next((tr(label) for known, label in self.choices if known == value), str(value))

    def word(self, value: Value) -> str:
        return str(value)

    def _check(self, value: object) -> str:
        if not isinstance(value, str) or value not in dict(self.choices):
            raise self._refuse(value)
        return value


@dataclass(frozen=True, kw_only=True)
class Text(Setting[T]):
    """Words of the user's own, of at most `longest` characters."""

    longest: int
    lines: bool = False
    """It may have several lines."""

    def range(self) -> str:
        return tr("text of at most {count} characters", count=self.longest)

    def _check(self, value: object) -> T:
        if not isinstance(value, str) or len(value) > self.longest or not storable(value):
            raise self._refuse(value)
        return value  # type: ignore[return-value]


@dataclass(frozen=True, kw_only=True)
class Switch(Setting[bool]):
    """On or off."""

    def range(self) -> str:
        return tr("on or off")

    def show(self, value: Value) -> str:
        return tr("on") if value else tr("off")

    def word(self, value: Value) -> str:
        return "on" if value else "off"

    def _check(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise self._refuse(value)
        return value

    def _read(self, text: str) -> Value:
        words: dict[str, bool] = {"on": True, "true": True, "off": False, "false": False}
        return words.get(text.casefold(), text)


def storable(text: str) -> bool:
    """Tell whether `text` can be written as UTF-8: half a surrogate pair cannot."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _short(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:g}"


@dataclass(frozen=True)
class _Translated:
    """A sentence inside a sentence: translated when that is."""

    message: str

    def __str__(self) -> str:
        return tr(self.message)


@dataclass(frozen=True)
class _Range:
    setting: Setting[Value]

    def __str__(self) -> str:
        return self.setting.range()
