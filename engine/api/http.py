"""HTTP as the server (ASGI) hands it over: headers and bodies in, objects and events out."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from engine.api.errors import ApiError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_BODY_BYTES = 1 << 20
"""Far more text than any model here has context for."""
_BODY_SECONDS = 30.0


def header(scope: Scope, name: bytes) -> bytes:
    """Return a header's value, empty where it is missing; `name` in lower case."""
    return next((bytes(value) for key, value in scope["headers"] if key == name), b"")


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """Return the request's body. Raises ApiError if it is too large, too slow or breaks off."""
    if int(header(scope, b"content-length") or 0) > MAX_BODY_BYTES:
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            while True:
                event = await receive()
                if event["type"] == "http.disconnect":
                    raise _broken_off()
                body += event.get("body", b"")
                if len(body) > MAX_BODY_BYTES:
                    raise _too_large()
                if not event.get("more_body", False):
                    return bytes(body)
    except TimeoutError as error:
        raise _broken_off() from error


async def until_gone(receive: Receive) -> None:
    """Wait until the client has hung up; the body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


class Reply:
    """One response: an object, or a stream of server-sent events."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._streaming = False

    async def object(
        self, values: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        """Send `values` as JSON."""
        # Half a character (a lone surrogate) of the request becomes a question mark.
        body = json.dumps(values, ensure_ascii=False).encode("utf-8", "replace")
        length = {"content-length": str(len(body))}
        await self._start(status, "application/json", length | (headers or {}))
        await self._body(body, last=True)

    async def event(self, values: dict[str, Any]) -> None:
        """Send `values` as the next event of a stream."""
        if not self._streaming:
            self._streaming = True
            await self._start(200, "text/event-stream", {})
        # In ASCII, because some clients break lines at U+2028 as well.
        await self._body(f"data: {json.dumps(values)}\n\n".encode())

    async def end(self) -> None:
        """End a stream as OpenAI does."""
        await self._body(b"data: [DONE]\n\n", last=True)

    async def error(self, error: ApiError) -> None:
        """Send an error, as the last event where a stream has begun."""
        if self._streaming:
            await self.event(error.as_json())
            await self._body(b"", last=True)
            return
        headers = {"www-authenticate": "Bearer"} if error.status == 401 else {}
        await self.object(error.as_json(), error.status, headers)

    async def _start(self, status: int, kind: str, headers: dict[str, str]) -> None:
        values = {"content-type": f"{kind}; charset=utf-8", "cache-control": "no-store"} | headers
        encoded = [(name.encode(), value.encode()) for name, value in values.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def _body(self, body: bytes, *, last: bool = False) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": not last})


def _too_large() -> ApiError:
    return ApiError(
        "The request is too large: at most {limit} bytes are read.",
        limit=MAX_BODY_BYTES,
        status=413,
        code="request_too_large",
    )


def _broken_off() -> ApiError:
    return ApiError("The request broke off before its end.", status=408, code="request_incomplete")
