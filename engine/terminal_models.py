"""`geb models`: which models are installed, whether their files are whole, and another one."""

import signal
import threading
from pathlib import Path

from engine.bundle import open_bundle
from engine.bundle_paths import default_bundle_path, list_bundle_paths, named_bundle
from engine.errors import BundleError, GebError
from engine.i18n import tr
from engine.models.checkpoint import import_checkpoint, is_checkpoint
from engine.models.importing import import_folder
from engine.terminal_text import notice, say


def list_models() -> int:
    """Print a line for each installed model, the default one marked; return the exit status."""
    try:
        default = default_bundle_path().resolve()
    except BundleError as error:
        notice(error)
        default = None
    for path in list_bundle_paths():
        mark = "*" if path.resolve() == default else " "
        try:
            bundle = open_bundle(path, verify=False)
        except GebError as error:
            say(f"{mark} {path.name}: {error}")
            continue
        say(
            tr(
                "{mark} {name}: {size} MB, licence {licence}, context {context} tokens",
                mark=mark,
                name=bundle.name,
                size=f"{bundle.size_bytes / 1e6:.1f}",
                licence=bundle.licence or tr("unknown"),
                context=bundle.config.max_position_embeddings,
            )
        )
    say(tr("* is the model that is used unless another is named."))
    return 0


def import_model(folder: Path) -> int:
    """Add the model or checkpoint in `folder`, with progress on stderr; return the exit status."""
    stopped = threading.Event()
    former = signal.signal(signal.SIGINT, lambda *_: stopped.set())
    try:
        if is_checkpoint(folder):
            path = import_checkpoint(folder, notice, stopped.is_set)
        else:
            path = import_folder(folder, _Percent(), stopped.is_set)
    except GebError as error:
        notice(error)
        return 1
    finally:
        signal.signal(signal.SIGINT, former)
    say(tr("{name} is added; use it with: geb chat --model {path}", name=path.name, path=path))
    return 0


class _Percent:
    """Shows every tenth of the way once."""

    def __init__(self) -> None:
        self._shown = 0

    def __call__(self, done: int, total: int) -> None:
        tenth = 10 * done // max(1, total)
        if tenth > self._shown:
            self._shown = tenth
            notice(tr("{percent} %", percent=10 * tenth))


def verify_models(path: Path | None) -> int:
    """Check every byte of one model, or of all; print a line for each; 1 if one is damaged.

    `path` is a folder or the name of an installed model. Raises StoreError if the user's folder of
    models cannot be read.
    """
    status = 0
    for folder in list_bundle_paths() if path is None else [named_bundle(path)]:
        try:
            bundle = open_bundle(folder, verify=True)
        except GebError as error:
            if not folder.is_dir():
                notice(error)
                return 1
            say(tr("{name}: damaged. {detail}", name=folder.name, detail=error))
            status = 1
            continue
        if bundle.signed:
            say(tr("{name}: every file matches its checksum.", name=bundle.name))
        else:
            say(tr("{name}: usable, but it has no checksums to compare with.", name=bundle.name))
    return status
