"""The files of token shards: arrays that numpy maps into memory, and a manifest that seals them.

Of a source, `<source>-000.tokens.npy` holds token ids, documents one after another, each opened
by <s>; `<source>-000.starts.npy` the place of each document's <s>; for conversations
`<source>-000.loss.npy` is 1 where the token is the assistant's. `<source>.shards.json`, written
last, names the files with their sizes and the SHA-256 of the tokenizer.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ConfigError, DataError
from engine.tokenizer import Tokenizer
from training.command import write_atomically

Tokens = NDArray[np.uint16] | NDArray[np.uint32]
Loss = NDArray[np.uint8]

SHARD_BYTES = 512 * 10**6
"""A shard's token file ends once it is so large."""
_MANIFEST = ".shards.json"
_MAPPED = 64
"""Shards of one source that are mapped at once: each holds file descriptors."""


@dataclass(frozen=True)
class SourceShards:
    """The shards of one source. `arrays(i)` and `starts(i)` read the i-th one's files."""

    name: str
    folder: Path
    shards: tuple[str, ...]
    """Names of the files without their endings."""
    tokens: tuple[int, ...]
    """Number of tokens in each shard."""
    has_loss: bool
    vocab_size: int
    tokenizer_sha256: str

    def arrays(self, number: int) -> tuple[Tokens, Loss | None]:
        """Return the tokens of a shard and where they are trained on (None: everywhere)."""
        tokens: Tokens = self._load(number, "tokens")
        return tokens, self._load(number, "loss") if self.has_loss else None

    def starts(self, number: int) -> NDArray[np.int64]:
        """Return the place of the first token of each document of a shard, then its end."""
        return np.append(self._load(number, "starts").astype(np.int64), self.tokens[number])

    def _load(self, number: int, array: str) -> NDArray[Any]:
        path = self.folder / f"{self.shards[number]}.{array}.npy"
        try:
            # A plain view: slicing numpy's memmap type is ten times slower.
            return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
        except (OSError, ValueError) as error:
            raise _damaged(path, error) from error


class ShardReader:
    """Rows of tokens out of the shards of a source, a bounded number of them mapped at once."""

    def __init__(self, source: SourceShards) -> None:
        self._source = source
        self._arrays = lru_cache(maxsize=_MAPPED)(source.arrays)

    def read(self, shard: int, start: int, end: int) -> tuple[Tokens, Loss | None]:
        """Return the tokens start to end of a shard, and 1 where they are trained on.

        Raises DataError if one is no token of the vocabulary.
        """
        tokens, loss = self._arrays(shard)
        row = tokens[start:end]
        if int(row.max()) >= self._source.vocab_size:
            path = self._source.folder / f"{self._source.shards[shard]}.tokens.npy"
            raise _damaged(path, "a token that the vocabulary lacks")
        return row, None if loss is None else loss[start:end]


def open_sources(folder: Path, prefix: str = "") -> list[SourceShards]:
    """Return the shards of every source in DIR/{stage}, ordered by name; names get `prefix`.

    Raises DataError if there are none, or a file is missing or has another size than its
    manifest says.
    """
    paths = [path for path in folder.glob(f"*{_MANIFEST}") if not path.name.startswith(".")]
    if not paths:
        raise DataError(
            "There are no token shards in {folder}; run training.data and "
            "training.tokenizer first.",
            folder=folder,
        )
    opened = (replace(source, name=prefix + source.name) for source in map(_open_source, paths))
    return sorted(opened, key=lambda source: source.name)


def _open_source(path: Path) -> SourceShards:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        shards, sizes = manifest["shards"], manifest["files"]
        source = SourceShards(
            name=path.name.removesuffix(_MANIFEST),
            folder=path.parent,
            shards=tuple(shard["name"] for shard in shards),
            tokens=tuple(shard["tokens"] for shard in shards),
            has_loss=manifest["has_loss"],
            vocab_size=manifest["vocab_size"],
            tokenizer_sha256=manifest["tokenizer_sha256"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, error) from error
    for name, size in sizes.items():
        file = path.parent / name
        found = file.stat().st_size if file.is_file() else 0
        if found != size:
            raise _damaged(file, f"{found} bytes of {size}")
    return source


def source_sizes(sources: Iterable[SourceShards]) -> dict[str, int]:
    """Return the number of tokens of each source."""
    return {source.name: sum(source.tokens) for source in sources}


def check_tokenizer(folder: Path, tokenizer: Tokenizer, vocab_size: int) -> None:
    """Refuse a tokenizer that does not fit a model's `vocab_size` or the shards in DIR/{stage}.

    Raises ConfigError or DataError.
    """
    if tokenizer.vocab_size > vocab_size:
        raise ConfigError(
            "The tokenizer has {tokens} tokens, more than the model's vocab_size of {size}.",
            tokens=tokenizer.vocab_size,
            size=vocab_size,
        )
    digest = tokenizer_sha256(tokenizer)
    for source in open_sources(folder):
        if source.tokenizer_sha256 != digest:
            raise DataError(
                "The token shards of {source} in {folder} were made with another tokenizer than "
                "the model's; run training.tokenizer with --tokenizer and the model's own.",
                source=source.name,
                folder=folder,
            )


def tokenizer_sha256(tokenizer: Tokenizer) -> str:
    """Return what tells tokenizers apart."""
    return hashlib.sha256(tokenizer.serialized()).hexdigest()


class ShardWriter:
    """Writes the shards of one source out of sight; `commit()` puts them in place.

    A run that fails or dies before leaves the earlier shards as they were.
    """

    def __init__(
        self, folder: Path, source: str, tokenizer: Tokenizer, shard_bytes: int = SHARD_BYTES
    ) -> None:
        self.folder, self._source, self._shard_bytes = folder, source, shard_bytes
        self._vocab_size, self._sha256 = tokenizer.vocab_size, tokenizer_sha256(tokenizer)
        self._dtype = np.dtype(np.uint16 if tokenizer.vocab_size <= 2**16 else np.uint32)
        self._hidden = folder / f".{source}.shards"
        self._open: dict[str, _GrowingArray] = {}
        self._shards: list[dict[str, Any]] = []
        self._has_loss = False

    @property
    def tokens(self) -> int:
        """Tokens written so far."""
        return sum(shard["tokens"] for shard in self._shards)

    def __enter__(self) -> "ShardWriter":
        shutil.rmtree(self._hidden, ignore_errors=True)
        self._hidden.mkdir(parents=True)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        for array in self._open.values():
            with suppress(OSError):  # a disk that was full still is
                array.close()
        shutil.rmtree(self._hidden, ignore_errors=True)

    def append(self, tokens: Tokens, starts: NDArray[np.int64], loss: Loss | None) -> None:
        """Add whole records; `starts` are the places of their <s> in `tokens`."""
        if not len(tokens):
            return
        if not self._open:
            name = f"{self._source}-{len(self._shards):03d}"
            self._shards.append({"name": name, "tokens": 0, "documents": 0})
            kinds = {"tokens": self._dtype, "starts": np.dtype(np.uint32)}
            if loss is not None:
                kinds["loss"] = np.dtype(np.uint8)
                self._has_loss = True
            self._open = {
                kind: _GrowingArray(self._hidden / f"{name}.{kind}.npy", dtype)
                for kind, dtype in kinds.items()
            }
        shard = self._shards[-1]
        self._open["tokens"].append(tokens)
        self._open["starts"].append(starts + shard["tokens"])
        if loss is not None:
            self._open["loss"].append(loss)
        shard["tokens"] += len(tokens)
        shard["documents"] += len(starts)
        if shard["tokens"] * self._dtype.itemsize >= self._shard_bytes:
            self._close()

    def commit(self, languages: Mapping[str, Mapping[str, int]]) -> None:
        """Replace the source's earlier shards; `languages` is noted in the manifest."""
        self._close()
        manifest = self.folder / f"{self._source}{_MANIFEST}"
        # Without a manifest no file counts: a mixture of old and new shards is never read.
        earlier = _files_of(manifest)
        manifest.unlink(missing_ok=True)
        for name in earlier:
            (self.folder / name).unlink(missing_ok=True)
        files = {path.name: path.stat().st_size for path in sorted(self._hidden.iterdir())}
        for name in files:
            (self._hidden / name).replace(self.folder / name)
        values = {
            "tokenizer_sha256": self._sha256,
            "vocab_size": self._vocab_size,
            "has_loss": self._has_loss,
            "languages": languages,
            "shards": self._shards,
            "files": files,
        }
        write_atomically(manifest, json.dumps(values, ensure_ascii=False, indent=1))

    def _close(self) -> None:
        for array in self._open.values():
            array.close()
        self._open = {}


class _GrowingArray:
    """A one-dimensional .npy file whose length is known only at its end."""

    def __init__(self, path: Path, dtype: np.dtype[Any]) -> None:
        self._file = path.open("wb")
        self._dtype, self._length = dtype, 0
        self._write_header()

    def append(self, values: NDArray[Any]) -> None:
        self._file.write(values.astype(self._dtype, copy=False).tobytes())
        self._length += len(values)

    def close(self) -> None:
        with self._file:
            # numpy pads the header so that a longer shape still fits.
            self._file.seek(0)
            self._write_header()

    def _write_header(self) -> None:
        descr = np.lib.format.dtype_to_descr(self._dtype)
        header = {"descr": descr, "fortran_order": False, "shape": (self._length,)}
        np.lib.format.write_array_header_1_0(self._file, header)


def _files_of(manifest: Path) -> list[str]:
    try:
        return list(json.loads(manifest.read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return []  # none, or damaged: what it named is left lying, and read by nobody


def _damaged(path: Path, detail: object) -> DataError:
    return DataError(
        "The shard {path} is damaged ({detail}); run training.tokenizer again.",
        path=path,
        detail=detail,
    )
