"""Errors as the library keeps them, so that they are shown in the language of the day."""

import json

from engine.errors import DocumentError, GebError, StoreError

_KINDS = {kind.__name__: kind for kind in (DocumentError, StoreError)}


def as_text(error: GebError) -> str:
    """Return an error as JSON."""
    values = {name: str(value) for name, value in error.values.items()}
    kind = type(error).__name__
    text = json.dumps({"kind": kind, "message": error.message, "values": values})
    return text.encode("utf-8", "replace").decode()


def from_text(text: str | None) -> GebError | None:
    """Return the error that `as_text` wrote."""
    if text is None:
        return None
    fields = json.loads(text)
    return _KINDS.get(fields["kind"], GebError)(fields["message"], **fields["values"])
