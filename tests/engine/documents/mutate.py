"""Spoils good files in many ways and reads what comes of it through the sandbox.

    python tests/engine/documents/mutate.py [COUNT] [SEED]

Prints how many were read all the same, and how many failed for which reason.
"""

import io
import random
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import get_args

from document_files import every_format

from engine.documents.failures import Code
from engine.documents.sandbox import DocumentReader, ReadingLimits
from engine.documents.splitting import split
from engine.errors import DocumentError

EXPECTED = {"read", *get_args(Code)} - {"cancelled", "crashed", "not_a_file", "unreadable"}
"""What may become of a mutant. A crash would hurt nobody, but there should be none."""
_NASTY = (
    b"\0",
    b"\xff\xff\xff\xff",
    b"-1",
    b"99999999999",
    b"<",
    b"&#x0;",
    b"]]>",
    b"<<" * 50,
    b"/",
)


def mutant(data: bytes, chance: random.Random) -> bytes:
    """Return data with one to eight things spoilt; within an archive, often in one member."""
    if data.startswith(b"PK") and chance.random() < 0.7:
        return _spoilt_member(data, chance)
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        data = chance.choice(_WAYS)(data, chance)
    return data


def _spoilt_member(data: bytes, chance: random.Random) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice(list(members))
    if chance.random() < 0.1:
        del members[name]
    else:
        for _ in range(chance.choice((1, 2, 4))):
            members[name] = chance.choice(_WAYS)(members[name], chance)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return out.getvalue()


def _flip(data: bytes, chance: random.Random) -> bytes:
    spoilt = bytearray(data)
    for _ in range(min(len(data), chance.choice((1, 3, 30)))):
        spoilt[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(spoilt)


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _remove(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data) + 1)
    return data[:start] + data[start + chance.randrange(200) :]


def _repeat(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data) + 1)
    part = data[start : start + chance.randrange(1, 400)]
    return data[:start] + part * chance.choice((2, 20, 200)) + data[start:]


def _insert(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data) + 1)
    return data[:start] + chance.choice(_NASTY) * chance.choice((1, 1, 500)) + data[start:]


def _number(data: bytes, chance: random.Random) -> bytes:
    """Change a digit: a length, a level, a reference to another object."""
    places = [place for place, byte in enumerate(data) if 48 <= byte <= 57]
    if not places:
        return data
    place = chance.choice(places)
    return data[:place] + chance.choice((b"0", b"9", b"99999", b"-7")) + data[place + 1 :]


_WAYS: list[Callable[[bytes, random.Random], bytes]] = [
    _flip,
    _cut,
    _remove,
    _repeat,
    _insert,
    _number,
]


def read_mutants(
    reader: DocumentReader, good: list[Path], out: Path, count: int, seed: int = 1
) -> Counter[str]:
    """Read `count` mutants of good files; return what became of them, by code or "read"."""
    chance = random.Random(seed)  # noqa: S311 (no secret)
    counts: Counter[str] = Counter()
    for number in range(count):
        source = good[number % len(good)]
        path = out.with_suffix(source.suffix)
        path.write_bytes(mutant(source.read_bytes(), chance))
        try:
            document = reader.read(path)
            split(document)
            counts["read"] += 1
        except DocumentError as error:
            counts[error.code] += 1
    return counts


def main() -> int:
    """Make mutants and print a table."""

    count, seed = (int(value) for value in (*sys.argv[1:], "10000", "1")[:2])
    with tempfile.TemporaryDirectory() as folder, DocumentReader(ReadingLimits(20.0)) as reader:
        good = every_format(Path(folder) / "good")
        started = time.perf_counter()
        counts = read_mutants(reader, good, Path(folder) / "mutant", count, seed)
        seconds = time.perf_counter() - started
    for code, number in counts.most_common():
        print(f"{code:15}{number:>7}")
    print(f"{count} files in {seconds:.0f} s")
    return int(not set(counts) <= EXPECTED)


if __name__ == "__main__":
    sys.exit(main())
