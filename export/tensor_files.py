"""The files that hold a checkpoint's parameters: safetensors, or PyTorch's pickles read as data.

Both come whole or in shards that an index names. A parameter is read when it is asked for.
"""

import json
import pickle
import zipfile
from functools import lru_cache
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from engine.errors import DataError
from engine.i18n import tr

_FORMS = ("model.safetensors", "pytorch_model.bin")


class TensorFiles:
    """Reads a checkpoint folder's parameters by name.

    Raises DataError where the folder holds none, or where a file is missing or damaged. A
    pickle that asks for code to be run is refused: it is loaded with `weights_only`.
    """

    def __init__(self, checkpoint: Path) -> None:
        self._files = _find(checkpoint)

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def shape(self, name: str) -> tuple[int, ...]:
        """Return a parameter's shape without reading it."""
        path = self._files[name]
        if path.suffix != ".safetensors":
            return tuple(_unpickled(path)[name].shape)
        try:
            with safe_open(path, framework="pt") as file:
                return tuple(file.get_slice(name).get_shape())
        except (SafetensorError, OSError) as error:
            raise _unreadable(path, error) from error

    def read(self, name: str) -> Tensor:
        """Return a parameter as it is stored."""
        path = self._files[name]
        if path.suffix != ".safetensors":
            return _unpickled(path)[name]
        try:
            with safe_open(path, framework="pt") as file:
                tensor: Tensor = file.get_tensor(name)
        except (SafetensorError, OSError) as error:
            raise _unreadable(path, error) from error
        return tensor


def _find(checkpoint: Path) -> dict[str, Path]:
    """Return the file of every parameter in a checkpoint folder."""
    for form in _FORMS:
        index, whole = checkpoint / f"{form}.index.json", checkpoint / form
        if index.is_file():
            return _read_index(index)
        if whole.is_file():
            return dict.fromkeys(_names(whole), whole)
    raise DataError(
        "The checkpoint {path} holds no weights: neither {names}.",
        path=checkpoint,
        names=", ".join(_FORMS),
    )


def _read_index(index: Path) -> dict[str, Path]:
    try:
        names = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        # Only names: an index must not lead out of the folder.
        return {name: index.with_name(Path(file).name) for name, file in names.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable(index, error) from error


def _names(path: Path) -> list[str]:
    if path.suffix != ".safetensors":
        return list(_unpickled(path))
    try:
        with safe_open(path, framework="pt") as file:
            return list(file.keys())
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from error


@lru_cache(maxsize=8)
def _unpickled(path: Path) -> dict[str, Tensor]:
    """Return the parameters of a pickle; the file is mapped, so that only what is used is read."""
    try:
        mapped = zipfile.is_zipfile(path)  # as torch has written it since 2020
        values = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise _unreadable(path, error) from error
    if not isinstance(values, dict) or not all(isinstance(v, Tensor) for v in values.values()):
        raise _unreadable(path, tr("it holds more than weights"))
    return values


def _unreadable(path: Path, error: object) -> DataError:
    first_line = next(iter(str(error).splitlines()), "")
    return DataError(
        "The checkpoint file {path} cannot be read: {detail}.",
        path=path,
        detail=first_line.rstrip("."),
    )
