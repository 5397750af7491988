"""Translation of user-facing text: one JSON catalogue per language, shared by window and terminal.

The English source text is the key, so English needs no catalogue and a missing entry
is readable. Catalogues are resources/translations/<language>.json.
"""

import json
import locale
import os
import sys
from functools import cache

from engine.resources import RESOURCES

LANGUAGES = ("en", "zh_CN")

_language = "en"


def system_language() -> str:
    """Return the supported language that fits the system's locale best ("en" or "zh_CN")."""
    tag = next(
        (os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), ""
    )
    if not tag and sys.platform in ("win32", "darwin"):
        tag = locale.getlocale()[0] or ""
    return "zh_CN" if tag.lower().startswith(("zh", "chinese")) else "en"


def set_language(language: str) -> None:
    """Use `language` ("en" or "zh_CN") for every later `tr`. Raises ValueError for another tag."""
    global _language
    if language not in LANGUAGES:
        raise ValueError(f"unsupported language {language!r}")
    _language = language


def language() -> str:
    """Return the language in use."""
    return _language


def tr(message: str, /, **values: object) -> str:
    """Return `message` in the language in use, with its {placeholders} filled from `values`."""
    text = message if _language == "en" else _catalogue(_language).get(message, message)
    return text.format(**values) if values else text


def to_translate(message: str) -> str:
    """Return `message` as it is: a sentence of a table, which `tr` translates when it is shown."""
    return message


@cache
def _catalogue(language: str) -> dict[str, str]:
    path = RESOURCES / "translations" / f"{language}.json"
    catalogue: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return catalogue
