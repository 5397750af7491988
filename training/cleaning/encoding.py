"""Text that was decoded with the wrong table, where nothing of it is lost."""

import re
from dataclasses import dataclass
from typing import ClassVar

from training.cleaning.records import Rewriter

_HIGH_BYTES = "".join(
    bytes([value]).decode("cp1252", "ignore") or chr(value) for value in range(0x80, 0xC0)
)
_TO_BYTES = {ord(character): 0x80 + index for index, character in enumerate(_HIGH_BYTES)}
_TO_BYTES |= {code: code for code in range(0x80, 0x100)}
_MOJIBAKE = re.compile(f"(?:[\u00c2-\u00f4][{re.escape(_HIGH_BYTES)}\u0080-\u00bf]{{1,3}})+")
"""UTF-8 read as Windows-1252 or Latin-1: a lead byte, then continuation bytes."""
_SUSPECT = re.compile(
    f"[\u00c2-\u00f4][{re.escape(_HIGH_BYTES)}\u0080-\u00bf]|[\u00ad\u200b\u2060\ufeff]"
)
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff]")
"""Soft hyphen, zero-width space, word joiner, byte-order mark. (The joiners of emoji stay.)"""


@dataclass(kw_only=True)
class Encoding(Rewriter):
    """Repairs UTF-8 that was read as Windows-1252: "ä½ å¥½" is 你好 again, "donâ€™t" is don’t."""

    name: ClassVar[str] = "encoding"

    def clean(self, text: str) -> str:
        """Return the repaired text, without invisible characters."""
        if text.isascii() or not _SUSPECT.search(text):
            return text
        before = text
        while (repaired := _MOJIBAKE.sub(_decode, _INVISIBLE.sub("", text))) != text:
            text = repaired
        self.counts["repaired"] += text != before
        return text


def _decode(match: re.Match[str]) -> str:
    run = match[0]
    try:
        decoded = bytes(_TO_BYTES[ord(character)] for character in run).decode("utf-8")
    except UnicodeDecodeError:
        return run
    # One character alone may be chance (café’”, É»), but not if it is a usual one (Ã©, â€™, ðŸ˜€).
    usual = decoded < "\u0100" or "\u2000" <= decoded < "\u2100" or decoded > "\uffff"
    return decoded if len(decoded) > 1 or usual else run
