"""From the names in a recipe to files: below a mirror, the recipe's folder, or to download."""

import fnmatch
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from engine.errors import DataError
from training.recipe import Files
from training.sources.compression import open_stream
from training.sources.download import download, verify

_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_WILDCARD = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class File:
    """One file of a source."""

    name: str
    path: Path
    """Where it lies, or will lie once it is downloaded."""
    address: str = ""
    """Where it is downloaded from; empty if it is here already."""
    sha256: str = ""
    """Empty if nobody says."""
    discard: bool = False

    def fetch(self, *, progress: bool = False) -> str:
        """Make the file available at `path` and return its SHA-256, "" where none is known.

        Raises DataError if it cannot be downloaded or has another checksum.
        """
        if self.address and not self.path.is_file():
            return download(self.address, self.path, self.sha256, progress=progress)
        if self.sha256:
            verify(self.path, self.sha256)
        return self.sha256

    def release(self) -> None:
        """Delete a download that the recipe does not want to keep."""
        if self.address and self.discard:
            self.path.unlink()


def locate(wanted: Files, recipe_folder: Path, mirror: Path | None, downloads: Path) -> list[File]:
    """Return the files that `wanted` names, in the order of its patterns, each sorted by name.

    With a mirror nothing is downloaded. Raises DataError if a pattern fits no file.
    """
    patterns = [name for pattern in wanted.files for name in expand(pattern)]
    if wanted.local:
        return _local(wanted, recipe_folder, patterns)
    if mirror is not None:
        below = mirror / wanted.name
        return _local(wanted, below if below.is_dir() else mirror, patterns)
    if wanted.huggingface:
        return _on_hub(wanted, downloads / wanted.name, patterns)
    if wanted.download:
        return _on_host(wanted, downloads / wanted.name, patterns)
    by_hand = downloads / wanted.name
    if by_hand.is_dir():
        return _local(wanted, by_hand, patterns)
    raise DataError(
        "{source} cannot be downloaded by itself ({url}): put its files into {folder}, or name a"
        " local copy of all sources with --mirror (MIRROR= for make).",
        source=wanted.name,
        url=wanted.url,
        folder=by_hand,
    )


def expand(pattern: str) -> Iterator[str]:
    """Yield the names that `{a,b}` and `{000..099}` in a pattern stand for."""
    braces = _BRACES.search(pattern)
    if braces is None:
        yield pattern
        return
    if bounds := _RANGE.fullmatch(braces[1]):
        width = len(bounds[1])
        choices = [f"{number:0{width}}" for number in range(int(bounds[1]), int(bounds[2]) + 1)]
    else:
        choices = braces[1].split(",")
    for choice in choices:
        yield from expand(pattern[: braces.start()] + choice + pattern[braces.end() :])


def _local(wanted: Files, folder: Path, patterns: list[str]) -> list[File]:
    sums = {**_manifest(folder), **wanted.sha256}
    paths: dict[Path, None] = {}
    for pattern in patterns:
        found = sorted(folder.glob(pattern))
        if not found:
            raise _missing(wanted, pattern, folder)
        paths |= dict.fromkeys(found)
    names = {path: os.path.relpath(path, folder) for path in paths}
    return [File(name, path, sha256=sums.get(name, "")) for path, name in names.items()]


def _manifest(folder: Path) -> dict[str, str]:
    """Return the checksums that a mirror's MANIFEST.json gives: {"files": {name: {"sha256"}}}."""
    path = folder / "MANIFEST.json"
    if not path.is_file():
        return {}
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["files"]
        return {name: entry["sha256"] for name, entry in entries.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            "{path} is damaged or not in the expected format ({detail}); fetch it again.",
            path=path,
            detail=error,
        ) from error


def _on_host(wanted: Files, folder: Path, patterns: list[str]) -> list[File]:
    base = wanted.download.replace("{revision}", wanted.revision)
    if not wanted.listing:
        return [_file(wanted, name, folder, base) for name in patterns]
    known: dict[str, str] = {}
    for name in expand(wanted.listing):
        listing = _file(wanted, name, folder, base)
        listing.fetch()
        with open_stream(listing.path) as lines:
            known |= {line.decode().strip(): "" for line in lines}
    return [_file(wanted, name, folder, base) for name in _matching(wanted, patterns, known)]


def _file(wanted: Files, name: str, folder: Path, base: str, sha256: str = "") -> File:
    if name.startswith("/") or ".." in PurePosixPath(name).parts:
        raise DataError(
            "The source {source} lists an unsafe file name: {name}.",
            source=wanted.name,
            name=name,
        )
    digest = wanted.sha256.get(name, sha256)
    return File(name, folder / name, base + quote(name), digest, wanted.discard)


def _on_hub(wanted: Files, folder: Path, patterns: list[str]) -> list[File]:
    """List a dataset on the Hugging Face Hub, which knows the SHA-256 of every large file."""
    from huggingface_hub import HfApi, hf_hub_url
    from huggingface_hub.hf_api import RepoFile

    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    place: dict[str, Any] = {
        "repo_id": wanted.huggingface,
        "repo_type": "dataset",
        "revision": wanted.revision,
    }
    below = os.path.commonpath([_fixed_folder(pattern) for pattern in patterns])
    try:
        entries = HfApi(endpoint).list_repo_tree(
            path_in_repo=below or None, recursive=True, token=False, **place
        )
        sums = {
            entry.path: entry.lfs.sha256 if entry.lfs else ""
            for entry in entries
            if isinstance(entry, RepoFile)
        }
    except OSError as error:
        raise DataError(
            "The files of {source} cannot be listed at {address} ({detail}); try again, or name"
            " a local copy with --mirror.",
            source=wanted.name,
            address=f"{endpoint}/datasets/{wanted.huggingface}",
            detail=str(error).partition("\n")[0],
        ) from error
    names = _matching(wanted, patterns, sums)
    base = hf_hub_url(filename="", endpoint=endpoint, **place)
    return [_file(wanted, name, folder, base, digest) for name, digest in names.items()]


def _matching(wanted: Files, patterns: list[str], known: dict[str, str]) -> dict[str, str]:
    """Return the entries whose name fits a pattern; `*` also stands for folders."""
    found: dict[str, str] = {}
    for pattern in patterns:
        if _WILDCARD.search(pattern):
            names = sorted(fnmatch.filter(known, pattern))
        else:
            names = [pattern] if pattern in known else []
        if not names:
            raise _missing(wanted, pattern, wanted.url)
        found |= {name: known[name] for name in names}
    return found


def _fixed_folder(pattern: str) -> str:
    """Return the folders of a pattern before its first wildcard."""
    return _WILDCARD.split(pattern)[0].rpartition("/")[0]


def _missing(wanted: Files, pattern: str, folder: object) -> DataError:
    return DataError(
        "No file for the source {source} under {folder}; give the folder that holds {patterns}"
        " with --mirror.",
        source=wanted.name,
        folder=folder,
        patterns=pattern,
    )
