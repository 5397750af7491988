"""Which models are installed, and where; nothing of them is read."""

from pathlib import Path

from engine.errors import BundleError, StoreError
from engine.paths import data_dir
from engine.resources import RESOURCES


def default_bundle_path() -> Path:
    """Return the folder of the model that comes with the application.

    Raises BundleError if the installation has none.
    """
    pointer = RESOURCES / "models" / "default.txt"
    try:
        name = pointer.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise BundleError(
            "The model that comes with the application is missing: {path} cannot be read. "
            "Install the application again.",
            path=pointer,
        ) from error
    return pointer.parent / name


def find_bundle(name: str | None) -> Path:
    """Return the folder of an installed model, or of the one at an absolute path; None: default.

    Raises BundleError if it is not there.
    """
    if name is None:
        return default_bundle_path()
    folders = [Path(name)] if Path(name).is_absolute() else list_bundle_paths()
    found = next((p for p in folders if p.is_dir() and name in (p.name, str(p))), None)
    if found is None:
        raise BundleError(
            "The model {name} is not installed any more. Choose another one.", name=Path(name).name
        )
    return found


def named_bundle(path: Path) -> Path:
    """Return the folder that a person means by `path`: itself, or the installed model so named.

    It need not be there. Raises StoreError if the user's folder of models cannot be read.
    """
    if path.is_dir() or str(path) != path.name:
        return path
    return next((folder for folder in list_bundle_paths() if folder.name == path.name), path)


def bundle_name(path: Path) -> str:
    """Return what `find_bundle` finds the folder `path` by."""
    return path.name if path.absolute() in list_bundle_paths() else str(path.absolute())


def list_bundle_paths() -> list[Path]:
    """Return the model folders that come with the application, then the user's own, by name.

    Raises StoreError if the user's folder of models cannot be read.
    """
    paths: list[Path] = []
    for root in (RESOURCES / "models", data_dir() / "models"):
        try:
            if root.is_dir():
                found = (path for path in root.iterdir() if path.is_dir())
                paths += sorted(path for path in found if not path.name.startswith("."))
        except OSError as error:
            raise StoreError(
                "The folder {path} cannot be read: {detail}.", path=root, detail=error.strerror
            ) from error
    return paths
