"""What the system says when it refuses something, in the user's language."""

from typing import Final

from engine.i18n import to_translate, tr

_REASONS: Final = frozenset(
    (
        to_translate("Permission denied"),
        to_translate("Operation not permitted"),
        to_translate("No such file or directory"),
        to_translate("No space left on device"),
        to_translate("Disk quota exceeded"),
        to_translate("Read-only file system"),
        to_translate("Input/output error"),
        to_translate("disk I/O error"),  # SQLite's
        to_translate("Is a directory"),
        to_translate("Not a directory"),
        to_translate("Directory not empty"),
        to_translate("File exists"),
        to_translate("File name too long"),
        to_translate("File too large"),
        to_translate("Too many levels of symbolic links"),
        to_translate("Too many open files"),
        to_translate("Cannot allocate memory"),
        to_translate("Device or resource busy"),
        to_translate("Stale file handle"),
        to_translate("Connection timed out"),
        to_translate("Address already in use"),
    )
)


def in_words(detail: object) -> object:
    """Return what the system said, translated where it is known."""
    text = str(detail)
    return tr(text) if text in _REASONS else detail
