"""Downloads that go on where they stopped, and are what their checksum says."""

import hashlib
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from engine.errors import DataError
from training.sources.disk import check_free_space, writing

_BLOCK = 1 << 20
_TIMEOUT = 60.0
_PAUSES = (1.0, 4.0, 16.0)
"""Seconds before another attempt, as long as the attempts bring nothing."""
_GONE = (404, 410)
_BUSY = (408, 425, 429, 500, 502, 503, 504)
_RANGE_NOT_SATISFIABLE = 416


class _InterruptedError(Exception):
    """The connection broke or the server is busy: worth another attempt."""


def download(address: str, path: Path, sha256: str = "", *, progress: bool = True) -> str:
    """Fetch `address` to `path` and return the file's SHA-256.

    An interrupted download stays beside it as `.NAME.part`; the next call continues it. Raises
    DataError if the file is gone, refused, broken off again and again, does not match `sha256`
    (where that is not empty), or if the disk is full.
    """
    part = path.with_name(f".{path.name}.part")
    attempts = 0
    while True:
        before = _size(part)
        try:
            _fetch(address, part, progress)
            break
        except _InterruptedError as error:
            attempts = 0 if _size(part) > before else attempts
            if attempts == len(_PAUSES):
                raise DataError(
                    "The connection to {address} broke ({detail}); run the command again to go"
                    " on from where it stopped.",
                    address=address,
                    detail=error,
                ) from error
            time.sleep(_PAUSES[attempts])
            attempts += 1
    found = file_sha256(part)
    if sha256 and found != sha256:
        part.unlink()
        raise _wrong_checksum(address, found, sha256)
    with writing(path):
        part.replace(path)
        _validator(part).unlink(missing_ok=True)
    return found


def verify(path: Path, sha256: str) -> None:
    """Raise DataError if `path` has another SHA-256."""
    if (found := file_sha256(path)) != sha256:
        raise _wrong_checksum(path, found, sha256)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _wrong_checksum(what: object, found: str, expected: str) -> DataError:
    return DataError(
        "{what} has the SHA-256 {found}, not {expected}: it is damaged or was replaced.",
        what=what,
        found=found,
        expected=expected,
    )


def _fetch(address: str, part: Path, progress: bool) -> None:
    """Append to `part` what it lacks, or begin anew if the file changed since it was begun."""
    have = _size(part) if _validator(part).exists() else 0
    headers = {"User-Agent": "geb-chat"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": _validator(part).read_text()}
    try:
        response = _open(address, headers)
    except urllib.error.HTTPError as error:
        if error.code == _RANGE_NOT_SATISFIABLE and have:
            _settle(part, have, error)
            return
        raise _explained(error, address) from error
    with response:
        start = have if response.status == http.client.PARTIAL_CONTENT else 0
        length = response.headers["Content-Length"]
        total = start + int(length) if length else None
        with writing(part):
            if total:
                check_free_space(part, total - start)
            _validator(part).write_text(_validator_of(response.headers))
            _append(response, part, start, total, progress)
    if total is not None and _size(part) < total:
        raise _InterruptedError(f"{_size(part)} of {total} bytes")


def _open(address: str, headers: dict[str, str]) -> Any:
    request = urllib.request.Request(address, headers=headers)  # noqa: S310 - recipes are http(s)
    try:
        return urllib.request.urlopen(request, timeout=_TIMEOUT)  # noqa: S310
    except urllib.error.HTTPError:
        raise
    except (OSError, http.client.HTTPException) as error:
        raise _InterruptedError(str(error)) from error


def _append(response: Any, part: Path, start: int, total: int | None, progress: bool) -> None:
    bar = tqdm(
        total=total,
        initial=start,
        desc=part.name.removeprefix(".").removesuffix(".part"),
        unit="B",
        unit_scale=True,
        leave=False,
        disable=not progress,
    )
    with bar, part.open("ab" if start else "wb") as file:
        for block in _blocks(response):
            file.write(block)
            bar.update(len(block))


def _blocks(response: Any) -> Iterator[bytes]:
    try:
        while block := response.read(_BLOCK):
            yield block
    except (OSError, http.client.HTTPException) as error:
        raise _InterruptedError(str(error)) from error


def _settle(part: Path, have: int, error: urllib.error.HTTPError) -> None:
    """Accept a part that already holds everything; drop one that does not fit the file."""
    if error.headers.get("Content-Range", "").endswith(f"/{have}"):
        return
    part.unlink()
    raise _InterruptedError(str(error))


def _explained(error: urllib.error.HTTPError, address: str) -> Exception:
    if error.code in _GONE:
        return DataError(
            "{address} is gone ({code}); name a local copy with --mirror, or another address in"
            " the recipe.",
            address=address,
            code=error.code,
        )
    if error.code in _BUSY:
        return _InterruptedError(str(error))
    return DataError(
        "{address} is refused ({code} {reason}); it may need an account: download it by hand and"
        " name its folder with --mirror.",
        address=address,
        code=error.code,
        reason=error.reason,
    )


def _validator(part: Path) -> Path:
    """Where the mark that the server gave this state of the file is kept."""
    return part.with_name(f"{part.name}.etag")


def _validator_of(headers: Any) -> str:
    """Return a strong ETag or the date; without one, If-Range never matches and it begins anew."""
    etag = headers.get("ETag", "")
    return etag if etag.startswith('"') else headers.get("Last-Modified", "")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
