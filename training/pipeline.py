"""A recipe from public files to training records.

    files → parts, each cleaned by itself → near-duplicates → selection → records by source

Everything on the way lies in OUT/.work, so that a run that was interrupted goes on where it
stopped; OUT itself changes only at the very end.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from engine.errors import DataError
from training.cleaning import near_duplicates
from training.command import write_atomically
from training.executors import Executor
from training.intake import Piece, Tally, peak_memory
from training.outputs import WriteOutputs, outputs_for, publish
from training.parts import CleanParts, Part, divide
from training.recipe import Files, Recipe
from training.selection import STEPS, Selected, select, tallies
from training.sources.disk import new_folder
from training.sources.locate import File, locate


def prepare(
    recipe: Recipe,
    recipe_folder: Path,
    mirror: Path | None,
    out: Path,
    executor: Executor | None = None,
    *,
    include_noncommercial: bool = False,
) -> dict[str, Any]:
    """Write the clean records of every source of `recipe` under `out`.

    Returns what it writes to `out`/sources.json. Raises DataError; then the records under `out`
    are as they were, and the next run goes on from what is finished.
    """
    started = perf_counter()
    work = out / ".work"
    recipe = recipe.with_noncommercial() if include_noncommercial else recipe.commercial()
    find = partial(locate, recipe_folder=recipe_folder, mirror=mirror, downloads=out / "downloads")
    parts = divide(
        [(source, find(source)) for source in recipe.sources], _fetch(recipe.evaluation, find)
    )
    executor = replace(executor or Executor(), logs=work / "logs").sized(_megabytes(parts))
    _clean(parts, work / "parts", executor)
    pieces = _pieces(recipe, parts, work / "parts")
    name = hashlib.blake2b("".join(part.name() for part in parts).encode()).hexdigest()[:32]
    seconds = {"clean": perf_counter() - started}
    near = _near_duplicates(pieces, work / f"near-{name}", executor)
    seconds["near_duplicates"] = perf_counter() - started - sum(seconds.values())
    selected = select(pieces, near, work / "selection")
    seconds["duplicates"] = perf_counter() - started - sum(seconds.values())
    outputs = outputs_for(selected)
    executor.run([WriteOutputs(outputs, work / f"final-{name}")], len(outputs), "write")
    publish(outputs, work / f"final-{name}", out)
    seconds["write"] = perf_counter() - started - sum(seconds.values())
    report = _report(recipe, selected, seconds)
    write_atomically(out / "sources.json", json.dumps(report, ensure_ascii=False, indent=1))
    shutil.rmtree(work)
    return report


def _fetch(wanted: Sequence[Files], find: Callable[[Files], list[File]]) -> list[Path]:
    """Return the evaluation files, fetched and verified."""
    files = [file for files in wanted for file in find(files)]
    for file in files:
        file.fetch(progress=True)
    return [file.path for file in files]


def _megabytes(parts: Sequence[Part]) -> float:
    """Return how much there is to read; what is still to be downloaded counts as much."""
    files = [file for part in parts for file in part.files]
    return sum(file.path.stat().st_size / 1e6 if file.path.exists() else 1e6 for file in files)


def _clean(parts: Sequence[Part], folder: Path, executor: Executor) -> None:
    """Clean the parts that are not finished yet."""
    missing = [part for part in parts if not (folder / part.name()).is_dir()]
    step = CleanParts(missing, folder, progress=executor.in_process(len(missing)))
    executor.run([step], len(missing), "clean")


def _pieces(recipe: Recipe, parts: Sequence[Part], folder: Path) -> list[Piece]:
    """Return what the parts yielded, source by source in the order of the recipe."""
    pieces = []
    for source in recipe.sources:
        mine = [
            Piece(source, folder / part.name())
            for part in parts
            if any((s.stage, s.name) == (source.stage, source.name) for s in part.sources)
        ]
        if not any(piece.facts()["tallies"]["read"].records_before for piece in mine):
            raise DataError(
                "The files of the source {source} hold no record of it ({files}).",
                source=source.name,
                files=", ".join(source.files),
            )
        pieces += mine
    return pieces


def _near_duplicates(pieces: Sequence[Piece], folder: Path, executor: Executor) -> Path:
    if not folder.is_dir():
        documents = [piece.lines() for piece in pieces if piece.source.stage == "pretrain"]
        with new_folder(folder) as beside:
            near_duplicates(documents, beside, executor)
    return folder


def _report(
    recipe: Recipe, selected: Sequence[Selected], seconds: dict[str, float]
) -> dict[str, Any]:
    """Return what sources.json says: where each source came from and what became of it."""
    sources = {}
    everything: dict[str, list[Tally]] = {}
    for source in recipe.sources:
        mine = [one for one in selected if one.piece.source is source]
        steps, checksums = _steps_of(mine)
        last = list(steps)[-1]
        for name, tally in steps.items():
            everything.setdefault(name, []).append(tally)
        sources[f"{source.stage}/{source.name}"] = {
            **asdict(source),
            "checksums": checksums,
            "read": steps["read"].records_before,
            "kept": steps[last].records_after,
            "kept_bytes": steps[last].bytes_after,
            "steps": {name: asdict(tally) for name, tally in steps.items()},
        }
    # What is done source by source comes before what looks at all of them.
    in_order = sorted(everything, key=[*STEPS].__contains__)
    totals = {name: Tally.sum(everything[name]) for name in in_order}
    for name in totals.keys() & seconds.keys():
        totals[name].seconds = seconds[name]
    return {
        "recipe": recipe.name,
        "licence": recipe.licence,
        "sources": sources,
        "steps": {name: asdict(tally) for name, tally in totals.items()},
        "seconds": seconds,
        "peak_memory_bytes": max(
            peak_memory(), *(one.piece.facts()["peak_memory_bytes"] for one in selected)
        ),
    }


def _steps_of(selected: Sequence[Selected]) -> tuple[dict[str, Tally], dict[str, str]]:
    """Return what each step did to one source, and the known checksums of its files."""
    facts = [one.piece.facts() for one in selected]
    names = facts[0]["tallies"]
    steps = {name: Tally.sum(fact["tallies"][name] for fact in facts) for name in names}
    checksums = {name: digest for fact in facts for name, digest in fact["files"].items() if digest}
    return {**steps, **tallies(selected)}, checksums
