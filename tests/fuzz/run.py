"""Fuzzes everything that reads foreign bytes, one target after the other, and prints a table.

    python tests/fuzz/run.py [--minutes M] [--seed N] [TARGET…]

What a target has learnt stays in build/fuzz/TARGET/corpus, and the next run goes on from there.
What makes it fail is written beside it: put a copy into tests/data/fuzz/TARGET, where the other
tests run it from then on.
"""

import argparse
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from seeds import seeds
from targets import TARGETS

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WORK = ROOT / "build" / "fuzz"
FOUND = HERE.parent / "data" / "fuzz"
_HANG_SECONDS = 30
_MEMORY_MB = 3000
_LARGEST_INPUT = 1 << 17


@dataclass
class Row:
    """What became of a target."""

    target: str
    seconds: float
    runs: int
    coverage: int
    inputs: int
    failures: list[Path]


def fuzz(target: str, seconds: float, seed: int) -> Row:
    """Run a target for so long, again from where it failed."""
    folder = WORK / target
    corpus = folder / "corpus"
    seeds(folder / "seeds", target)
    corpus.mkdir(parents=True, exist_ok=True)
    before = set(folder.glob("*-*"))
    begun, runs, coverage = time.monotonic(), 0, 0
    while (left := seconds - (time.monotonic() - begun)) > 1:
        command = [sys.executable, str(HERE / "fuzz.py"), target, f"-max_total_time={int(left)}"]
        command += [f"-timeout={_HANG_SECONDS}", f"-rss_limit_mb={_MEMORY_MB}", f"-seed={seed}"]
        command += [f"-max_len={_LARGEST_INPUT}", f"-artifact_prefix={folder}/", "-verbosity=1"]
        folders = [str(corpus), str(folder / "seeds")]
        if (FOUND / target).is_dir():
            folders.append(str(FOUND / target))
        with (folder / "log").open("wb") as log:
            status = subprocess.run(
                [*command, *folders], stdout=log, stderr=log, cwd=ROOT, check=False
            ).returncode
        text = (folder / "log").read_text(errors="replace")
        runs += max(map(int, re.findall(r"^#(\d+)\s", text, re.M)), default=0)
        coverage = max([coverage, *map(int, re.findall(r"cov: (\d+)", text))])
        seed += 1
        if status == 0:
            break
        (folder / f"log-{seed}").write_text(text[-20_000:])
        if len(set(folder.glob("*-*")) - before) > 10:
            break
    failures = sorted(
        path for path in set(folder.glob("*-*")) - before if not path.name.startswith("log-")
    )
    taken = time.monotonic() - begun
    return Row(target, taken, runs, coverage, len(list(corpus.iterdir())), failures)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=1.0, help="for each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(TARGETS)}; all if none is named")
    options = parser.parse_args()
    if unknown := set(options.targets) - TARGETS.keys():
        parser.error(f"there is no target {', '.join(unknown)}")
    print(f"{'target':16}{'seconds':>8}{'runs':>10}{'coverage':>10}{'inputs':>8}  failures")
    failures = 0
    for target in options.targets or TARGETS:
        row = fuzz(target, options.minutes * 60, options.seed)
        failures += len(row.failures)
        print(
            f"{row.target:16}{row.seconds:>8.0f}{row.runs:>10,}{row.coverage:>10,}{row.inputs:>8}  "
            + (", ".join(str(path.relative_to(ROOT)) for path in row.failures) or "none"),
            flush=True,
        )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
