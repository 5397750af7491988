"""Raw text to clean, de-duplicated records: `python -m training.data --recipe NAME --out DIR`.

Writes, under --out: `pretrain/<source>.jsonl` ({"text", "lang"}), `sft/<source>.jsonl`
({"messages", "lang"}), `dpo/<source>.jsonl` ({"prompt", "chosen", "rejected", "lang"}), where a
large source is a folder of `.jsonl.gz` files; `heldout.jsonl` (text that no stage trains on); and
`sources.json` (licence, address, checksums and the counts of every step). What has no local copy
is downloaded to `downloads/`.
"""

import argparse
import unicodedata
from pathlib import Path
from typing import Any

from engine.i18n import tr
from training.command import command
from training.executors import KINDS, Executor
from training.pipeline import prepare
from training.recipe import load_recipe

_MEGABYTE = 1e6
_COLUMNS = (12, 12, 10, 10, 8)
"""Places for each figure of the table."""


def summary(report: dict[str, Any], left_out: list[str]) -> str:
    """Return the table of what each step did: records, megabytes of text and MB/s."""
    lines = [_row(tr("step"), tr("records"), tr("kept"), "MB", tr("kept"), "MB/s")]
    for name, step in report["steps"].items():
        before, after = step["bytes_before"] / _MEGABYTE, step["bytes_after"] / _MEGABYTE
        speed = f"{before / step['seconds']:.1f}" if step["seconds"] else "–"
        lines.append(
            _row(
                name,
                f"{step['records_before']:,}",
                f"{step['records_after']:,}",
                f"{before:.1f}",
                f"{after:.1f}",
                speed,
            )
        )
    lines.append(
        tr(
            "{seconds} s in all; at most {memory} MB of memory in one process",
            seconds=round(sum(report["seconds"].values())),
            memory=round(report["peak_memory_bytes"] / _MEGABYTE),
        )
    )
    if left_out:
        lines.append(
            tr(
                "Left out as non-commercial (--include-noncommercial takes them in): {sources}",
                sources=", ".join(left_out),
            )
        )
    return "\n".join(lines)


def _row(name: str, *figures: str) -> str:
    """Return one row of the table. A Chinese character takes two places of a terminal."""
    places = zip(figures, _COLUMNS, strict=True)
    return name.ljust(24 - _wide(name)) + "".join(f.rjust(n - _wide(f)) for f, n in places)


def _wide(text: str) -> int:
    return sum(unicodedata.east_asian_width(character) in "WF" for character in text)


@command
def main() -> None:
    """Read the command line and prepare one recipe."""
    parser = argparse.ArgumentParser(prog="python -m training.data", description=__doc__)
    parser.add_argument("--recipe", required=True, help="training/recipes/NAME.toml or a file")
    parser.add_argument("--mirror", type=Path, help="local copy of the sources: no download")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--include-noncommercial", action="store_true")
    parser.add_argument("--executor", choices=KINDS, default="local")
    parser.add_argument("--workers", type=int, default=0, help="at once; 0: as many as it is worth")
    parser.add_argument("--partition", default="", help="of Slurm")
    parser.add_argument("--time", default="24:00:00", help="Slurm's limit for one task")
    arguments = parser.parse_args()
    recipe, folder = load_recipe(arguments.recipe)
    executor = Executor(
        kind=arguments.executor,
        workers=arguments.workers,
        partition=arguments.partition,
        time=arguments.time,
    )
    include = arguments.include_noncommercial
    report = prepare(
        recipe, folder, arguments.mirror, arguments.out, executor, include_noncommercial=include
    )
    left_out = [] if include else [s.name for s in recipe.sources if s.noncommercial]
    print(summary(report, left_out))


if __name__ == "__main__":
    main()
