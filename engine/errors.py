"""Errors that a person reads: one clear sentence, translated when it is shown."""

from collections.abc import Callable
from functools import partial

from engine.i18n import tr
from engine.system_reasons import in_words


class GebError(Exception):
    """Base of every expected failure.

    `message` is English source text with {placeholders}; `str(error)` is the sentence
    in the user's language, and so is what the system says in {detail}.
    """

    def __init__(self, message: str, /, **values: object) -> None:
        super().__init__(message, values)
        self.message = message
        self.values = values

    def __reduce__(self) -> tuple[Callable[[], "GebError"], tuple[()]]:
        # An error crosses from a worker process to the one that shows it.
        return partial(type(self), self.message, **self.values), ()

    def __str__(self) -> str:
        values = dict(self.values)
        if "detail" in values:
            values["detail"] = in_words(values["detail"])
        return tr(self.message, **values)


class BundleError(GebError):
    """A model folder that cannot be used: missing, damaged, forged or of another shape."""


class ConfigError(GebError):
    """A configuration with a missing, unknown or contradictory field."""


class SettingsError(GebError):
    """A setting with an impossible value, or settings that cannot be kept."""


class DataError(GebError):
    """Input data that is missing, damaged or in an unknown format."""


class DocumentError(GebError):
    """A file whose text cannot be had. `code` is one of engine.documents.failures.Code."""

    @property
    def code(self) -> str:
        """Why, for programs."""
        return str(self.values["code"])


class StoreError(GebError):
    """The conversation store cannot be opened or written."""


class GenerationError(GebError):
    """A request that the model cannot answer."""


class ContextError(GenerationError):
    """A conversation whose last turn does not fit the model's context."""
