"""`python -m resources.packaging.reproduce`: do two builds of one commit agree, byte for byte?

Builds the last commit again, in a folder of another name, under another time zone, language and
mask for new files, and compares every file with what `python -m resources.packaging` left under
dist/ for the same commit. Prints what differs; ends with 1 if anything does.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from resources.packaging.freeze import ROOT, source_time

_ELSEWHERE = {"TZ": "Asia/Shanghai", "LANG": "C", "LC_ALL": "C", "PYTHONHASHSEED": "7"}


def main() -> int:
    """Build and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="what to compare with")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="geb-again-") as folder:
        again = build_elsewhere(Path(folder))
        differences = compare(options.dist.resolve(), again)
        sums = {path.name: _sum(path) for path in sorted(again.iterdir()) if path.is_file()}
    for difference in differences:
        print(difference)
    if not differences:
        print("Two builds agree:")
        for name, value in sums.items():
            print(f"{value}  {name}")
    return 1 if differences else 0


def build_elsewhere(folder: Path) -> Path:
    """Build the last commit below `folder`, and return the folder of the packages."""
    source = folder / "source of another name"
    source.mkdir()
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True)
    subprocess.run(["tar", "-x", "-C", str(source)], input=archive.stdout, check=True)
    environment = os.environ | _ELSEWHERE
    environment |= {"PYTHONPATH": str(source), "SOURCE_DATE_EPOCH": str(source_time())}
    command = [sys.executable, "-m", "resources.packaging"]
    subprocess.run(command, cwd=source, env=environment, umask=0o077, check=True)
    return source / "dist"


def compare(first: Path, second: Path) -> list[str]:
    """Return a line for everything that is not the same below two folders."""
    left, right = _contents(first), _contents(second)
    lines = [f"only in {first}: {name}" for name in sorted(left.keys() - right.keys())]
    lines += [f"only in {second}: {name}" for name in sorted(right.keys() - left.keys())]
    both = sorted(left.keys() & right.keys())
    return lines + [f"differs: {name}" for name in both if left[name] != right[name]]


def _contents(folder: Path) -> dict[str, str]:
    """Return what each file below `folder` holds, each link leads to, and who may run it."""
    found = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = f"{_sum(path)} {bool(path.stat().st_mode & 0o100)}"
    return found


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main())
