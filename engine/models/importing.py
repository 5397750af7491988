"""Adding a model folder: copied, checked against its sums, and there all at once."""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.bundle import open_bundle
from engine.bundle_paths import list_bundle_paths
from engine.checksums import OWN_SUMS_NAME, SUMS_NAME, read_sums
from engine.errors import BundleError
from engine.i18n import to_translate
from engine.models.describe import models_dir

_CHUNK = 4 << 20
_PREFIX, _DOOMED = ".import-", ".deleted-"
_STALE_SECONDS = 3600.0

OnProgress = Callable[[int, int], None]
"""Takes how many bytes of how many are done."""


class ImportStoppedError(BundleError):
    """The person stopped an import; nothing was added."""

    def __init__(self) -> None:
        super().__init__(to_translate("The import was stopped; nothing was added."))


def import_folder(
    source: Path,
    on_progress: OnProgress = lambda _done, _total: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Path:
    """Copy the model folder `source` to the installed ones and return where it is.

    A folder without checksums is hashed and stays unsigned. Raises GebError with nothing added
    if the folder is no model, damaged or already there, if the disk is full, or if stopped.
    """
    open_bundle(source, verify=False)  # refuses what is no model before anything is copied
    target = free_target(source)
    with _telling(target):
        return _import(source, target, on_progress, is_cancelled)


def _import(
    source: Path, target: Path, on_progress: OnProgress, is_cancelled: Callable[[], bool]
) -> Path:
    files = _files(source)
    total = sum((source / name).stat().st_size for name in files)
    _sweep(target.parent)
    _require_space(target.parent, total)
    with _building(target) as folder:
        sums: dict[str, str] = {}
        done = 0
        for name in files:
            for count, digest in _copy(source / name, folder / name):
                if is_cancelled():
                    raise ImportStoppedError
                done += count
                sums[name] = digest
                on_progress(done, total)
        _check(folder, sums)
        open_bundle(folder, verify=False)
    return target


def free_target(source: Path) -> Path:
    """Return where the model of a folder will be. Raises BundleError if that is taken."""
    source = source.resolve()
    installed = list_bundle_paths()
    if source in [path.resolve() for path in installed]:
        raise BundleError("The model {name} is installed already.", name=source.name)
    name = source.name.lstrip(".") or "model"
    if name in [path.name for path in installed]:
        raise BundleError(
            "There is a model named {name} already. Rename the folder, or delete that model.",
            name=name,
        )
    return models_dir() / name


def delete_model(path: Path) -> None:
    """Remove a model that the person added. Raises BundleError for another one."""
    folder = models_dir()
    if path.absolute().parent != folder.absolute():
        raise BundleError("The model that comes with the application cannot be deleted.")
    try:
        doomed = Path(tempfile.mkdtemp(prefix=_DOOMED, dir=folder))
        try:
            path.rename(doomed / path.name)  # gone at once, whatever happens while it is erased
        except OSError:
            doomed.rmdir()
            raise
    except OSError as error:
        raise BundleError(
            "The model {name} cannot be deleted: {detail}.", name=path.name, detail=error.strerror
        ) from error
    shutil.rmtree(doomed, ignore_errors=True)


@contextmanager
def _building(target: Path) -> Iterator[Path]:
    """Yield a hidden folder that becomes `target` when nothing fails, and vanishes otherwise."""
    building = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=target.parent))
    try:
        yield building
        building.rename(target)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise


def _sweep(folder: Path) -> None:
    """Erase what processes left that did not live to finish; others may be at work just now."""
    for left in folder.glob(".*"):
        if left.name.startswith((_PREFIX, _DOOMED)):
            newest = max(path.lstat().st_mtime for path in (left, *left.rglob("*")))
            if newest < time.time() - _STALE_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _telling(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BundleError(
            "The model cannot be copied to {path}: {detail}.", path=target, detail=error.strerror
        ) from error


def _files(source: Path) -> list[str]:
    """Return the files below `source` by relative name; hidden ones are no part of a model."""
    found = []
    for folder, folders, names in os.walk(source):
        folders[:] = [name for name in folders if not name.startswith(".")]
        relative = Path(folder).relative_to(source)
        found += [str(relative / n) for n in names if not n.startswith(".") and n != OWN_SUMS_NAME]
    return sorted(found)


def _copy(source: Path, target: Path) -> Iterator[tuple[int, str]]:
    """Copy a file in pieces; yield the size of each, and the hash of what is copied so far."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("xb") as writer:
        target.chmod(0o600)
        while piece := reader.read(_CHUNK):
            writer.write(piece)
            digest.update(piece)
            yield len(piece), digest.hexdigest()
        writer.flush()
        os.fsync(writer.fileno())
        yield 0, digest.hexdigest()


def _check(folder: Path, sums: dict[str, str]) -> None:
    if SUMS_NAME not in sums:
        lines = [f"{digest}  {name}\n" for name, digest in sums.items()]
        (folder / OWN_SUMS_NAME).write_text("".join(lines), encoding="utf-8")
        return
    for name, expected in read_sums(folder).items():
        if sums.get(name) != expected:
            raise BundleError(
                "The model file {path} is damaged: its checksum is wrong; copy the folder again.",
                path=name,
            )


def _require_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise BundleError(
            "The disk is too full for this model: it takes {needed} MB, and {free} MB are free.",
            needed=round(needed / 1e6),
            free=round(free / 1e6),
        )
