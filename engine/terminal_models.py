"""`geb models`: which models are installed, and whether their files are whole."""

from pathlib import Path

from engine.bundle import open_bundle
from engine.bundle_paths import default_bundle_path, list_bundle_paths
from engine.errors import BundleError, GebError
from engine.i18n import tr
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


def verify_models(path: Path | None) -> int:
    """Check every byte of one model, or of all; print a line for each; 1 if one is damaged."""
    status = 0
    for folder in list_bundle_paths() if path is None else [path]:
        try:
            bundle = open_bundle(folder, verify=True)
        except GebError as error:
            say(tr("{name}: damaged. {detail}", name=folder.name, detail=error))
            status = 1
            continue
        if bundle.signed:
            say(tr("{name}: every file matches its checksum.", name=bundle.name))
        else:
            say(tr("{name}: usable, but it has no checksums to compare with.", name=bundle.name))
    return status
