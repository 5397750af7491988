"""The way of one source's records through a part: read, sampled, cleaned, counted, written."""

import hashlib
import json
import resource
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from time import perf_counter
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.errors import DataError
from training.cleaning import Decontamination, Stage, stages_for, text_of
from training.recipe import Source
from training.sources.compression import create_gzip
from training.sources.readers import FIELDS
from training.sources.sample import HashSample

Record = dict[str, Any]
ROW = np.dtype([("key", "<u8"), ("bytes", "<u4"), ("language", "u1")])
"""What is remembered of a clean record: 64 bits of its text's hash, its size, its language."""


@dataclass
class Tally:
    """What one step did: records and bytes of text before and after it, and how long it took."""

    records_before: int = 0
    records_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    seconds: float = 0.0
    found: dict[str, int] = field(default_factory=dict)
    """What it came upon, by kind."""

    def add(self, before: int | None, after: int | None, seconds: float = 0.0) -> None:
        """Count one record of so many bytes; None: not there before, or not any more."""
        if before is not None:
            self.records_before += 1
            self.bytes_before += before
        if after is not None:
            self.records_after += 1
            self.bytes_after += after
        self.seconds += seconds

    @classmethod
    def sum(cls, tallies: Iterable["Tally"]) -> "Tally":
        """Return one tally of all."""
        total = cls()
        for tally in tallies:
            total.records_before += tally.records_before
            total.records_after += tally.records_after
            total.bytes_before += tally.bytes_before
            total.bytes_after += tally.bytes_after
            total.seconds += tally.seconds
            for kind, count in tally.found.items():
                total.found[kind] = total.found.get(kind, 0) + count
        return total


@dataclass(frozen=True)
class Piece:
    """What a part yielded for one source: three files in the part's folder."""

    source: Source
    folder: Path

    def lines(self) -> Path:
        """Where the clean records are, as gzip JSON Lines."""
        return self.folder / f"{self.source.stage}.{self.source.name}.jsonl.gz"

    def rows(self) -> NDArray[np.void]:
        """Return a ROW for each clean record."""
        rows: NDArray[np.void] = np.load(self.lines().with_suffix(".npy"), mmap_mode="r")
        return rows

    def facts(self) -> dict[str, Any]:
        """Return {"languages", "files": {name: SHA-256}, "tallies": {step: Tally}, …}."""
        facts = json.loads(self.lines().with_suffix(".json").read_text(encoding="utf-8"))
        tallies = {name: Tally(**tally) for name, tally in facts["tallies"].items()}
        return {**facts, "tallies": tallies}

    def write(self, rows: list[tuple[int, int, int]], facts: dict[str, Any]) -> None:
        """Write what `rows` and `facts` return."""
        np.save(self.lines().with_suffix(".npy"), np.array(rows, dtype=ROW))
        tallies = {name: asdict(tally) for name, tally in facts["tallies"].items()}
        self.lines().with_suffix(".json").write_text(json.dumps({**facts, "tallies": tallies}))


class Intake:
    """Takes one source's records through their steps into a piece."""

    def __init__(self, source: Source, evaluation: tuple[Path, ...], folder: Path) -> None:
        self._source = source
        self._piece = Piece(source, folder)
        self._stages = stages_for(source)
        self._steps: list[Stage] = [*self._stages, *_decontamination(evaluation)]
        names = ["read", *(["sample"] if source.megabytes else []), *(s.name for s in self._steps)]
        self._tallies = {name: Tally() for name in names}
        self._languages: dict[str, int] = {}
        self._rows: list[tuple[int, int, int]] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._lines = stack.enter_context(create_gzip(self._piece.lines(), level=1))
            self._sample: HashSample | None = None
            if budget := self._source.megabytes * 1e6:
                spool = stack.enter_context(TemporaryFile(dir=self._piece.folder))
                self._sample = HashSample(budget, self._source.name, spool)
            self._files = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._files.close()

    def takes(self, row: Record) -> bool:
        """Tell whether a row of a file belongs to this source."""
        if row.get("source") not in (None, "", self._source.name):
            return False
        return all(str(row.get(name)) in allowed for name, allowed in self._source.only.items())

    def read(self, row: Record, path: Path, seconds: float) -> None:
        """Take a row of `path` that it took `seconds` to read. Raises DataError if it is unfit."""
        record = _record_of(row, self._source, path)
        size = _size(record)
        self._tallies["read"].add(size, size, seconds)
        if self._sample is None:
            self._clean(record, size)
        else:
            started = perf_counter()
            self._sample.offer(record)
            self._tallies["sample"].add(size, None, perf_counter() - started)

    def finish(self, sums: dict[str, str]) -> None:
        """Clean what was sampled, and write the piece; `sums` are the files' checksums."""
        for record in self._sample.chosen() if self._sample else ():
            size = _size(record)
            self._tallies["sample"].add(None, size)
            self._clean(record, size)
        for stage in self._stages:
            self._tallies[stage.name].found = {k: n for k, n in stage.counts.items() if n}
        facts = {
            "languages": list(self._languages),
            "files": sums,
            "tallies": self._tallies,
            "peak_memory_bytes": peak_memory(),
        }
        self._piece.write(self._rows, facts)

    def _clean(self, record: Record, size: int) -> None:
        for step in self._steps:
            started = perf_counter()
            clean = step(record)
            seconds = perf_counter() - started
            after = None if clean is None else size if clean is record else _size(clean)
            self._tallies[step.name].add(size, after, seconds)
            if clean is None or after is None:
                return
            record, size = clean, after
        language = self._languages.setdefault(record["lang"], len(self._languages))
        self._rows.append((_key(record), size, language))
        self._lines.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")


def peak_memory() -> int:
    """Return the most memory that this process has held so far, in bytes."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _record_of(row: Record, source: Source, path: Path) -> Record:
    """Return the fields of a row that the source's stage trains on."""
    if source.stage == "pretrain":
        texts = [row[name] for name in source.text if row.get(name) is not None]
        fits = any(name in row for name in source.text) and all(isinstance(t, str) for t in texts)
        record: Record = {"text": "\n\n".join(texts) if fits else ""}
    else:
        record = {name: row.get(name) for name in FIELDS[source.stage]}
        fits = all(_is_text_or_messages(value) for value in record.values())
    if not fits:
        raise DataError(
            "{path} has a record without {fields}, which the source {source} must have.",
            path=path,
            fields=", ".join(source.text if source.stage == "pretrain" else record),
            source=source.name,
        )
    return {**record, "lang": row.get("lang") or source.language}


def _is_text_or_messages(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list)
        and all(isinstance(m, dict) and isinstance(m.get("content"), str) for m in value)
    )


@cache
def _decontamination(evaluation: tuple[Path, ...]) -> tuple[Stage, ...]:
    """Return the stage that knows the evaluation items, made once in a process."""
    return (Decontamination(files=evaluation),) if evaluation else ()


def _size(record: Record) -> int:
    return len(text_of(record).encode("utf-8", "surrogatepass"))


def _key(record: Record) -> int:
    digest = hashlib.blake2b(text_of(record).encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "big")
