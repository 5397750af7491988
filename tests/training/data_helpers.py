"""Small sources, recipes and record files for the tests of data preparation."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.pipeline import prepare
from training.recipe import Recipe, Source


def source(name: str = "a", stage: str = "pretrain", **more: Any) -> Source:
    """Return a source that takes every JSON Lines file of the mirror, without cleaning."""
    usual: dict[str, Any] = {
        "name": name,
        "stage": stage,
        "language": "en",
        "licence": "CC0-1.0",
        "url": "https://example.org",
        "files": ("*.jsonl*",),
        "cleaning": (),
    }
    return Source(**{**usual, **more})


def recipe(*sources: Source, **more: Any) -> Recipe:
    """Return a recipe of these sources."""
    return Recipe(name="r", config="test", licence="cc0-1.0", sources=sources, **more)


def run(folder: Path, wanted: Recipe, **more: Any) -> dict[str, Any]:
    """Prepare a recipe whose mirror is `folder`, into `folder`/out."""
    return prepare(wanted, folder, folder, folder / "out", **more)


def write(path: Path, records: Sequence[dict[str, Any]]) -> None:
    """Write JSON Lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    path.write_text("".join(lines), encoding="utf-8")


def read(path: Path) -> list[dict[str, Any]]:
    """Read JSON Lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def files(folder: Path) -> dict[str, bytes]:
    """Return what lies in a data folder, apart from the report with its timings."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in paths if p.name != "sources.json"}
