"""Parts of a recipe's files: the unit of work that one process reads and cleans.

Sources that lie in the same files share their parts, so that each file is read once. What a part
becomes depends on nothing but its files, its sources and the code: the number of processes, and
where they run, change no byte, and a part that is finished is never done again.
"""

import hashlib
import itertools
import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from training.intake import Intake
from training.making.makers import MAKERS
from training.recipe import Source
from training.sources.disk import new_folder
from training.sources.locate import File
from training.sources.readers import read

_MOST_PARTS = 1024
"""Of one group of files: where there are more files, a part holds several."""


@dataclass(frozen=True)
class Part:
    """Some files, and the sources whose records they hold."""

    files: tuple[File, ...]
    sources: tuple[Source, ...]
    """Their `megabytes` is what may come from these files."""
    evaluation: tuple[Path, ...]

    def name(self) -> str:
        """Return a name that changes with everything that decides what the part becomes."""
        facts = [
            [_facts(file) for file in self.files],
            [asdict(source) for source in self.sources],
            [_state(path) for path in self.evaluation],
            _code(),
        ]
        return hashlib.blake2b(json.dumps(facts).encode(), digest_size=16).hexdigest()


def divide(
    located: Sequence[tuple[Source, Sequence[File]]], evaluation: Sequence[Path]
) -> list[Part]:
    """Return the parts of all sources' files, in the order of the recipe."""
    groups: dict[tuple[Path, str], list[tuple[File, Source]]] = {}
    for source, files in located:
        for file in files:
            # What a reader makes of a file depends on these; only then can it be shared.
            maker = source.name if source.reader in MAKERS else ""
            how = json.dumps([source.stage, source.reader, source.text, source.only, maker])
            some = replace(source, megabytes=source.megabytes / len(files))
            groups.setdefault((file.path, how), []).append((file, some))
    parts: list[Part] = []
    for _, alike in itertools.groupby(groups.values(), key=_source_names):
        group = list(alike)
        for run in np.array_split(np.arange(len(group)), min(len(group), _MOST_PARTS)):
            shares = [group[index] for index in run]
            sources = [replace(s, megabytes=s.megabytes * len(run)) for _, s in shares[0]]
            parts.append(
                Part(tuple(share[0][0] for share in shares), tuple(sources), tuple(evaluation))
            )
    return parts


@dataclass(frozen=True)
class CleanParts:
    """The step that cleans one part a rank, each into a folder of its own."""

    parts: Sequence[Part]
    folder: Path
    progress: bool = False

    def __call__(self, _data: None, rank: int, _world_size: int) -> None:
        """Clean parts[rank]. Raises DataError; then nothing of the part is left."""
        part = self.parts[rank]
        with new_folder(self.folder / part.name()) as folder, ExitStack() as stack:
            intakes = [
                stack.enter_context(Intake(source, part.evaluation, folder))
                for source in part.sources
            ]
            sums = {}
            for file in part.files:
                sums[file.name] = file.fetch(progress=self.progress)
                _read_once(file, intakes, part.sources[0])
                file.release()
            for intake in intakes:
                intake.finish(sums)


def _read_once(file: File, intakes: Sequence[Intake], source: Source) -> None:
    """Give each row of a file to the source that it belongs to."""
    started = perf_counter()
    for row in read(file.path, source):
        for intake in intakes:
            if intake.takes(row):
                intake.read(row, file.path, perf_counter() - started)
                started = perf_counter()


def _source_names(shares: list[tuple[File, Source]]) -> list[tuple[str, str]]:
    return [(source.stage, source.name) for _, source in shares]


def _facts(file: File) -> list[Any]:
    return [file.name, file.address, file.sha256, None if file.address else _state(file.path)]


def _state(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns]


@cache
def _code() -> str:
    """Return a hash of the code that cleans."""
    folder = Path(__file__).parent
    patterns = ("*.py", "sources/*.py", "cleaning/**/*", "making/**/*", "recipes/text/*")
    files = [path for pattern in patterns for path in folder.glob(pattern)]
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(path for path in files if path.is_file() and path.suffix != ".pyc"):
        digest.update(path.read_bytes())
    return digest.hexdigest()
