"""A ZIP archive of a document, unpacked within limits."""

import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import unquote

from engine.documents.failures import failure
from engine.documents.reading.limits import MAX_MEMBERS, MAX_UNPACKED_BYTES

_CHUNK = 1 << 16
_ENCRYPTED = 0x1
DAMAGES = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,  # a way of packing that no office program uses
    RuntimeError,
    ValueError,  # a place before the file's beginning
)
"""What zipfile says of archives that are not as they should be."""


class Archive:
    """Reads members of an archive; nothing is ever written to disk.

    All methods raise DocumentError for what is damaged, encrypted or too large.
    """

    def __init__(self, file: BinaryIO) -> None:
        try:
            self._archive = zipfile.ZipFile(file)
        except DAMAGES as error:
            raise failure("damaged") from error
        members = self._archive.infolist()
        if len(members) > MAX_MEMBERS:
            raise failure("too_large")
        self._members = {member.filename: member for member in members}
        self._folded = {name.lower(): name for name in self._members}
        self._budget = MAX_UNPACKED_BYTES

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._folded

    def names(self) -> list[str]:
        """Return the names of all members."""
        return list(self._members)

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield a member piece by piece; its sum of check is tested at the end."""
        member = self._members.get(self._folded.get(name.lower(), name))
        if member is None:
            raise failure("damaged")
        if member.flag_bits & _ENCRYPTED:
            raise failure("encrypted")
        try:
            with self._archive.open(member) as file:
                while chunk := file.read(_CHUNK):
                    self._budget -= len(chunk)
                    if self._budget < 0:
                        raise failure("too_large")
                    yield chunk
        except DAMAGES as error:
            raise failure("damaged") from error

    def read(self, name: str, limit: int = MAX_UNPACKED_BYTES) -> bytes:
        """Return a member whole."""
        pieces, size = [], 0
        for chunk in self.chunks(name):
            pieces.append(chunk)
            size += len(chunk)
            if size > limit:
                raise failure("too_large")
        return b"".join(pieces)


def resolve(base: str, target: str) -> str:
    """Return the member that a link in the member `base` points to."""
    target = unquote(target.partition("#")[0])
    if target.startswith("/"):
        return posixpath.normpath(target).lstrip("/")
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), target))
