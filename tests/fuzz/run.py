"""Fuzzes everything that reads foreign bytes, one target after the other, and prints a table.

    python tests/fuzz/run.py [--minutes M] [--seed N] [TARGET…]

What a target has learnt stays in build/fuzz/TARGET/corpus, and the next run goes on from there.
What makes it fail is written beside it: put a copy into tests/data/fuzz/TARGET, where the other
tests run it from then on.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
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
_MOST_FAILURES = 10


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
    known, failures = _findings(folder), []
    begun, runs, coverage, status = time.monotonic(), 0, 0, 1
    while status and (left := seconds - (time.monotonic() - begun)) > 1:
        log = folder / f"log-{seed}"
        status = _run(target, int(left), seed, log)
        text = log.read_text(errors="replace")
        runs += max(map(int, re.findall(r"^#(\d+)\s", text, re.M)), default=0)
        coverage = max([coverage, *map(int, re.findall(r"cov: (\d+)", text))])
        found = sorted(_findings(folder) - known)
        known.update(found)
        failures += found or ([log] if status else [])
        if (status and not found) or len(failures) > _MOST_FAILURES:
            break  # it does not even begin, or needs no more examples
        seed += 1
    taken = time.monotonic() - begun
    return Row(target, taken, runs, coverage, len(list(corpus.iterdir())), failures)


def _run(target: str, seconds: int, seed: int, log: Path) -> int:
    """Run a target once, and return its exit status."""
    folder = log.parent
    command = [sys.executable, str(HERE / "fuzz.py"), target, f"-max_total_time={seconds}"]
    command += [f"-timeout={_HANG_SECONDS}", f"-rss_limit_mb={_MEMORY_MB}", f"-seed={seed}"]
    # What is slow only has processes with limits around it: no finding.
    command += [f"-report_slow_units={_HANG_SECONDS}"]
    command += [f"-max_len={_LARGEST_INPUT}", f"-artifact_prefix={folder}/"]
    command += [str(folder / "corpus"), str(folder / "seeds")]
    if (FOUND / target).is_dir():
        command.append(str(FOUND / target))
    # The folder is made here, because a target that dies takes nothing away.
    with (
        log.open("wb") as output,
        tempfile.TemporaryDirectory(prefix="geb-fuzz-", dir=_memory()) as temporary,
    ):
        environment = os.environ | {"GEB_FUZZ_FOLDER": temporary}
        return subprocess.run(
            command, stdout=output, stderr=output, cwd=ROOT, check=False, env=environment
        ).returncode


def _findings(folder: Path) -> set[Path]:
    """Return the inputs at which a target failed, so far."""
    return {path for path in folder.glob("*-*") if not path.name.startswith("log-")}


def _memory() -> str | None:
    """Return a folder that lies in memory, if the system has one."""
    shared = "/dev/shm"  # noqa: S108 (what is made there is this user's only)
    return shared if os.access(shared, os.W_OK) else None


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
