"""Who may ask: programs that know the key and mean this computer."""

import hmac
import re

from engine.api.errors import ApiError
from engine.api.http import Scope, header

_HERE = re.compile(rb"(?i)(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?")


def check_host(scope: Scope) -> None:
    """Refuse a page whose name was made to point here (DNS rebinding): it says its own name.

    Any port will do, so that a tunnel from another machine may have its own.
    """
    if not _HERE.fullmatch(header(scope, b"host")):
        raise ApiError(
            "This server answers only to localhost and 127.0.0.1.",
            status=403,
            code="host_not_allowed",
        )


def check_key(scope: Scope, key: str) -> None:
    """Refuse whoever does not show the key; the time taken says nothing about it."""
    given = header(scope, b"authorization")
    scheme, _, shown = given.partition(b" ")
    if not hmac.compare_digest(shown.strip(), key.encode()) or scheme.lower() != b"bearer":
        raise ApiError(
            "The key is wrong or missing. `geb serve --print-key` prints the right one.",
            status=401,
            code="invalid_api_key",
        )
