"""Prepared records: where training.data left them, read as a stream."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from engine.errors import DataError

LONGEST_RECORD = 32_000_000
"""Bytes of one line; a longer one is refused, so that memory stays bounded."""


def record_files(data: Path, stage: str) -> dict[str, list[Path]]:
    """Return the files of each source of a stage ("pretrain", "sft" or "dpo"), by name.

    A source is one file `<source>.jsonl` or a folder of files `<source>/*.jsonl.gz`.
    Raises DataError where both exist.
    """
    files: dict[str, list[Path]] = {}
    for path in sorted((data / stage).glob("[!.]*")):
        if path.is_dir():
            name, found = path.name, sorted(path.glob("[!.]*.jsonl.gz"))
        else:
            name, found = path.stem, [path] if path.suffix == ".jsonl" else []
        if found and name in files:
            raise DataError(
                "{first} and {second} hold records of the same source; remove one of them.",
                first=files[name][0],
                second=found[0],
            )
        if found:
            files[name] = found
    return files


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a .jsonl or .jsonl.gz file. Raises DataError if it is damaged."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            while line := lines.readline(LONGEST_RECORD + 1):
                if len(line) > LONGEST_RECORD:
                    raise DataError(
                        "{path} holds a record of more than {megabytes} MB; split it.",
                        path=path,
                        megabytes=LONGEST_RECORD // 10**6,
                    )
                yield line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            "{path} is damaged ({detail}); run training.data again.", path=path, detail=error
        ) from error


def bad_record(path: Path, number: int, stage: str, detail: object) -> DataError:
    """Return the error of a line that is no record of its stage."""
    return DataError(
        "Line {number} of {path} is no record of the stage {stage} ({detail}); run training.data "
        "again.",
        number=number,
        path=path,
        stage=stage,
        detail=detail,
    )
