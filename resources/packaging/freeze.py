"""The application as one folder that needs no Python: PyInstaller's output, completed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from resources.packaging.icons import write_icons
from resources.packaging.licences import components, write_sbom, write_texts
from resources.packaging.linux.graphics import FALLBACK_LIBRARIES, system_library

ROOT = Path(__file__).resolve().parents[2]


def source_time() -> int:
    """Return when the last commit was made, in seconds since 1970: the time stamp of all files.

    SOURCE_DATE_EPOCH (reproducible-builds.org) overrides it.
    """
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    shown = subprocess.run(
        ["git", "log", "-1", "--format=%ct"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(shown.stdout)


def freeze(dist: Path, work: Path) -> Path:
    """Build and return dist/geb-chat; `work` keeps what PyInstaller computes on the way.

    Raises SystemExit where PyInstaller fails, or where the origin of a file is not known.
    """
    time = source_time()
    work.mkdir(parents=True, exist_ok=True)
    write_icons(work / "icons")
    # The order of sets must not get into the files, and no path but the package's own.
    environment = os.environ | {"PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": str(time)}
    environment |= {"PYTHONPATH": str(ROOT), "GEB_PACKAGE_WORK": str(work)}
    spec = str(Path(__file__).with_name("geb-chat.spec"))
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--clean", "--log-level", "WARN"]
    command += ["--distpath", str(dist), "--workpath", str(work), spec]
    subprocess.run(command, check=True, env=environment, cwd=ROOT)
    folder = dist / "geb-chat"
    sources = json.loads((work / "sources.json").read_text(encoding="utf-8"))
    made = work.resolve()  # PyInstaller's own output: the modules of Python in one archive
    origins = [path for path in map(Path, sources) if not path.is_relative_to(made)]
    if sys.platform == "linux":
        origins += map(system_library, FALLBACK_LIBRARIES)
    found = components(origins, ROOT)
    write_texts(found, folder / "licences")
    write_sbom(found, folder / "sbom.cdx.json", time)
    shutil.copy(ROOT / "LICENSE", folder / "LICENSE")
    if sys.platform == "linux":
        _strip_python(folder)
    _set_times(folder, time)
    return folder


def size_of(folder: Path) -> int:
    """Return the bytes of all files below `folder`."""
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and not p.is_symlink())


def _strip_python(folder: Path) -> None:
    """Take out what only a debugger reads; other libraries come stripped from their makers."""
    for library in folder.rglob("libpython3*.so*"):
        subprocess.run(["strip", "--strip-unneeded", str(library)], check=True)


def _set_times(folder: Path, time: int) -> None:
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (time, time), follow_symlinks=False)
