"""Typed values from a TOML file: every field known, every mistake one sentence."""

import json
import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from engine.errors import ConfigError

FOLDER = Path(__file__).parent
Section = TypeVar("Section")


def find_file(name_or_file: str, folder: str) -> Path:
    """Return training/FOLDER/NAME.toml, or the file of that path. Raises ConfigError."""
    path = FOLDER / folder / f"{name_or_file}.toml"
    if not path.is_file():
        path = Path(name_or_file)
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in (FOLDER / folder).glob("*.toml")))
        raise ConfigError(
            "There is no file or preset {name}; the presets are {known}.",
            name=name_or_file,
            known=known,
        )
    return path


def read_file(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file. Raises ConfigError if it is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError("{path} is not valid TOML: {detail}.", path=path, detail=error) from error


def build(kind: type[Section], values: dict[str, Any], path: Path) -> Section:
    """Return the dataclass `kind` filled with `values`: lists as tuples, tables as dataclasses,
    lists of tables as tuples of dataclasses.

    Raises ConfigError for a field that it does not know, that is missing or of another type: a
    misspelt option must not train for days unnoticed, and "false" must not count as true.
    """
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - known)
    if unknown:
        raise ConfigError(
            "{path} has an unknown field: {names}.", path=path, names=", ".join(unknown)
        )
    types = get_type_hints(kind)
    converted = {key: _convert(key, types[key], value, path) for key, value in values.items()}
    try:
        return kind(**converted)
    except TypeError as error:
        raise ConfigError("{path}: {detail}.", path=path, detail=error) from error


def _convert(key: str, kind: Any, value: Any, path: Path) -> Any:
    if get_origin(kind) is tuple and is_dataclass(get_args(kind)[0]):
        if isinstance(value, tuple):
            return value  # built before
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise ConfigError(
                "{path}: {name} must be a list of tables, [[…{name}]].", path=path, name=key
            )
        return tuple(_convert(key, get_args(kind)[0], item, path) for item in value)
    if get_origin(kind) is UnionType:
        kind = next(filter(is_dataclass, get_args(kind)), kind)
    if isinstance(kind, type) and is_dataclass(kind):
        if not isinstance(value, dict):
            raise ConfigError("{path}: {name} must be a table, […{name}].", path=path, name=key)
        return build(kind, value, path)
    converted = tuple(value) if isinstance(value, list) else value
    if not _fits(converted, kind):
        raise ConfigError(
            "{path}: {name} must be of the type {kind}, not {value}.",
            path=path,
            name=key,
            kind=kind.__name__ if isinstance(kind, type) else kind,
            value=json.dumps(value, ensure_ascii=False, default=str),
        )
    return converted


def _fits(value: Any, kind: Any) -> bool:
    """Tell whether a value is of a field's type; a whole number may stand for a fraction."""
    origin, inner = get_origin(kind) or kind, get_args(kind)
    if kind is Any:
        return True
    if origin is UnionType:
        return any(_fits(value, one) for one in inner)
    if origin in (tuple, list):
        return isinstance(value, tuple | list) and all(_fits(item, inner[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(item, inner[1]) for item in value.values())
    return type(value) in ((int, float) if kind is float else (kind,))
