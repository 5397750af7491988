"""The files that training reads: the records that were kept, source by source."""

import gzip
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import IO

from training.recipe import STAGES
from training.selection import Fate, Selected
from training.sources.compression import create_gzip
from training.sources.disk import writing

SHARD_ABOVE = 512_000_000
"""Bytes of text from which a source becomes a folder of .jsonl.gz files instead of one .jsonl."""
HELDOUT = "heldout.jsonl"


@dataclass(frozen=True)
class Output:
    """One file to write, and where its records are."""

    path: Path
    """Relative to the data folder."""
    selected: tuple[Selected, ...]


def outputs_for(selected: Sequence[Selected]) -> list[Output]:
    """Return the files that the records of all sources go to."""
    outputs = []
    for (stage, name), group in groupby(selected, key=_source_of):
        mine = tuple(group)
        if sum(int(one.piece.rows()["bytes"].sum()) for one in mine) < SHARD_ABOVE:
            outputs.append(Output(Path(stage, f"{name}.jsonl"), mine))
        else:
            outputs += [
                Output(Path(stage, name, f"{number:05d}.jsonl.gz"), (one,))
                for number, one in enumerate(mine)
            ]
    return outputs


@dataclass(frozen=True)
class WriteOutputs:
    """The step that writes one output a rank below `folder`, and what is held out beside it."""

    outputs: Sequence[Output]
    folder: Path

    def __call__(self, _data: None, rank: int, _world_size: int) -> None:
        """Write outputs[rank] unless it is there. Raises DataError if the disk is full."""
        output = self.outputs[rank]
        path = self.folder / output.path
        if path.exists():
            return
        beside = path.with_name(f".{path.name}.tmp")
        with writing(path):
            create = create_gzip(beside, level=6) if path.suffix == ".gz" else beside.open("wb")
            with create as kept, _held_out_beside(path).open("wb") as held_out:
                for one in output.selected:
                    _write(one, kept, held_out)
            beside.rename(path)


def publish(outputs: Sequence[Output], folder: Path, out: Path) -> None:
    """Move what `WriteOutputs` wrote to `folder` into the data folder, in place of older files."""
    with writing(out / HELDOUT):
        with (folder / HELDOUT).open("wb") as all_held_out:
            for output in outputs:
                with _held_out_beside(folder / output.path).open("rb") as held_out:
                    shutil.copyfileobj(held_out, all_held_out)
        for stage in STAGES:
            _remove_older(out / stage)
        for path in (Path(HELDOUT), *(output.path for output in outputs)):
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).replace(out / path)


def _source_of(one: Selected) -> tuple[str, str]:
    return one.piece.source.stage, one.piece.source.name


def _held_out_beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.heldout")


def _write(one: Selected, kept: IO[bytes], held_out: IO[bytes]) -> None:
    with gzip.open(one.piece.lines()) as lines:
        for line, fate in zip(lines, one.fates(), strict=True):
            if fate == Fate.KEPT:
                kept.write(line)
            elif fate == Fate.HELD_OUT:
                record = {**json.loads(line), "source": one.piece.source.name}
                held_out.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")


def _remove_older(folder: Path) -> None:
    """Remove the records of an earlier recipe; what else lies there is not ours."""
    for path in [*folder.glob("*.jsonl"), *folder.glob("*/*.jsonl.gz")]:
        path.unlink()
    for path in [*folder.glob("*/"), folder]:
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
