"""What can still be read of a damaged settings file."""

import json
import re
from collections.abc import Iterator

from engine.errors import SettingsError
from engine.settings.setting import Value
from engine.settings.table import BY_NAME

_NAME = re.compile(r'"(\w+)"\s*:\s*')
_PROMPT = re.compile(r'"name"\s*:\s*(?=")')
_ITS_TEXT = re.compile(r'\s*,\s*"text"\s*:\s*(?=")')
_DECODER = json.JSONDecoder()


def salvage(data: bytes) -> dict[str, Value]:
    """Return the settings whose values can be read and are possible; the last of each counts."""
    text = data.decode("utf-8", "replace")
    found: dict[str, Value] = {}
    for match in _NAME.finditer(text):
        setting = BY_NAME.get(match[1])
        if setting is None:
            continue
        try:
            value, end = _DECODER.raw_decode(text, match.end())
            if _is_whole(text, end):
                found[setting.name] = setting.check(value)
        except (ValueError, RecursionError, SettingsError):
            continue
    return found


def salvage_prompts(data: bytes) -> list[dict[str, str]]:
    """Return the person's own prompts that can be read."""
    return list(_prompts(data.decode("utf-8", "replace")))


def _prompts(text: str) -> Iterator[dict[str, str]]:
    for match in _PROMPT.finditer(text):
        try:
            name, end = _DECODER.raw_decode(text, match.end())
            if between := _ITS_TEXT.match(text, end):
                words, _ = _DECODER.raw_decode(text, between.end())
                yield {"name": name, "text": words}
        except ValueError:
            continue


def _is_whole(text: str, end: int) -> bool:
    """Tell whether a value ends where it seems to: of a number that was cut off, a part is left."""
    return text[end : end + 1] in {",", "\n", "\r", "}", " "}
