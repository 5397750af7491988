"""Raw text to clean, de-duplicated records: `python -m training.data --recipe NAME --out DIR`.

Writes, under --out: `pretrain/<source>.jsonl` ({"text", "lang"}), `sft/<source>.jsonl`
({"messages", "lang"}), `dpo/<source>.jsonl` ({"prompt", "chosen", "rejected", "lang"}),
`heldout.jsonl` (text that no stage trains on) and `sources.json` (licence, address and counts
of every source).
"""

import argparse
import gzip
import hashlib
import json
import lzma
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from tqdm import tqdm

from engine.errors import DataError
from training.cleaning import Record, Stage, stages_for, text_of
from training.command import command, write_atomically
from training.dialogues import read_dialogues, read_preferences
from training.recipe import Recipe, Source, load_recipe

HELDOUT_SHARE = 200
"""One document in so many is held out, chosen by its hash."""
_FIELDS = {"pretrain": ("text",), "sft": ("messages",), "dpo": ("prompt", "chosen", "rejected")}


@dataclass
class Counts:
    """What happened to the records of one source."""

    read: int = 0
    removed: dict[str, int] = field(default_factory=dict)
    """Records left out, by the stage that did."""
    found: dict[str, dict[str, int]] = field(default_factory=dict)
    """What a stage came upon, by kind."""
    duplicate: int = 0
    held_out: int = 0
    kept: int = 0
    kept_bytes: int = 0


def read_records(source: Source, folder: Path) -> Iterator[Record]:
    """Yield the records of one source, spread evenly where only a part is wanted.

    Raises DataError if no file matches or one is damaged.
    """
    paths = sorted(path for pattern in source.files for path in folder.glob(pattern))
    if not paths:
        raise DataError(
            "No file for the source {source} under {folder}; give the folder that holds "
            "{patterns} with --mirror.",
            source=source.name,
            folder=folder,
            patterns=", ".join(source.files),
        )
    by_source = _read_files(tuple(paths), source.stage)
    records = list(by_source.get(source.name) or by_source.get("", []))
    random.Random(source.name).shuffle(records)  # noqa: S311 - sampling, not secrecy
    budget = source.megabytes * 1e6
    for record in records:
        if budget <= 0:
            return
        budget -= len(json.dumps(record, ensure_ascii=False).encode())
        yield {**record, "lang": record["lang"] or source.language}


@lru_cache(maxsize=1)
def _read_files(paths: tuple[Path, ...], stage: str) -> dict[str, list[Record]]:
    """Return the records of some files by the source that they name ("" where they name none).

    The last answer is kept: neighbouring sources of a recipe often share their files.
    """
    by_source: dict[str, list[Record]] = {}
    for path in paths:
        try:
            if path.suffix == ".toml":
                read = read_preferences if stage == "dpo" else read_dialogues
                by_source.setdefault("", []).extend(read(path))
                continue
            with _open(path) as lines:
                for line in lines:
                    record = json.loads(line)
                    kept = {field: record[field] for field in _FIELDS[stage]}
                    kept["lang"] = record.get("lang")
                    by_source.setdefault(record.get("source", ""), []).append(kept)
        except (OSError, EOFError, lzma.LZMAError, ValueError, KeyError) as error:
            raise DataError(
                "{path} is damaged or not in the expected format ({detail}); fetch it again.",
                path=path,
                detail=error,
            ) from error
    return by_source


def _open(path: Path) -> IO[str]:
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8")
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


def prepare(recipe: Recipe, recipe_folder: Path, mirror: Path | None, out: Path) -> None:
    """Write the clean records of every source of `recipe` under `out`. Raises DataError."""
    seen: set[bytes] = set()
    heldout: list[Record] = []
    report: dict[str, Any] = {}
    for source in tqdm(recipe.sources, desc="data", unit="source"):
        folder = recipe_folder if source.local else mirror
        if folder is None:
            raise DataError(
                "The recipe {recipe} reads {source} from a local copy: name its folder with "
                "--mirror (MIRROR= for make).",
                recipe=recipe.name,
                source=source.name,
            )
        counts = Counts()
        stages = stages_for(source)
        kept: list[tuple[bytes, Record]] = []
        for record in read_records(source, folder):
            counts.read += 1
            if (clean := _clean(record, stages, counts)) is None:
                continue
            digest = hashlib.blake2b(text_of(clean).encode(), digest_size=16).digest()
            if digest in seen:
                counts.duplicate += 1
            else:
                seen.add(digest)
                kept.append((digest, clean))
        counts.found = {stage.name: dict(stage.counts) for stage in stages if stage.counts}
        if source.stage == "pretrain":
            languages = {record["lang"] for record in heldout}
            chosen, kept = hold_out(kept, languages)
            heldout += [{**record, "source": source.name} for _, record in chosen]
            counts.held_out = len(chosen)
        lines = [json.dumps(record, ensure_ascii=False) for _, record in kept]
        counts.kept, counts.kept_bytes = len(lines), sum(len(line.encode()) for line in lines)
        _write_lines(out / source.stage / f"{source.name}.jsonl", lines)
        report[f"{source.stage}/{source.name}"] = {**asdict(source), **asdict(counts)}
    _write_lines(out / "heldout.jsonl", [json.dumps(r, ensure_ascii=False) for r in heldout])
    write_atomically(
        out / "sources.json",
        json.dumps(
            {"recipe": recipe.name, "licence": recipe.licence, "sources": report},
            ensure_ascii=False,
            indent=1,
        ),
    )


def _clean(record: Record, stages: list[Stage], counts: Counts) -> Record | None:
    for stage in stages:
        if (clean := stage(record)) is None:
            counts.removed[stage.name] = counts.removed.get(stage.name, 0) + 1
            return None
        record = clean
    return record


def hold_out(
    records: list[tuple[bytes, Record]], languages: set[str]
) -> tuple[list[tuple[bytes, Record]], list[tuple[bytes, Record]]]:
    """Split (hash, record) pairs into those held out and those to train on.

    Every HELDOUT_SHARE-th by hash, or the one of the lowest hash where neither this source
    nor `languages` (those that earlier sources held out) would give any text.
    """
    chosen = {digest for digest, _ in records if int.from_bytes(digest[:4]) % HELDOUT_SHARE == 0}
    missing = {record["lang"] for _, record in records} - languages
    if not chosen and missing and len(records) > 1:
        chosen = {min(digest for digest, _ in records)}
    return [r for r in records if r[0] in chosen], [r for r in records if r[0] not in chosen]


def _write_lines(path: Path, lines: list[str]) -> None:
    write_atomically(path, "".join(f"{line}\n" for line in lines))


@command
def main() -> None:
    """Read the command line and prepare one recipe."""
    parser = argparse.ArgumentParser(prog="python -m training.data", description=__doc__)
    parser.add_argument("--recipe", required=True, help="training/recipes/NAME.toml or a file")
    parser.add_argument("--mirror", type=Path, help="local copy of the sources")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    recipe, folder = load_recipe(arguments.recipe)
    prepare(recipe, folder, arguments.mirror, arguments.out)


if __name__ == "__main__":
    main()
