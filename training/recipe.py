"""Recipes: which text a model is trained on, where it comes from and under which licence."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import ConfigError
from training.cleaning import stages_for
from training.toml_file import build, find_file, read_file

STAGES = ("pretrain", "sft", "dpo")


@dataclass(frozen=True, kw_only=True)
class Source:
    """One named part of a recipe's text."""

    name: str
    stage: str
    """"pretrain", "sft" or "dpo"."""
    language: str
    licence: str
    url: str
    files: tuple[str, ...]
    """Patterns below the mirror folder, or below the recipe's own folder if `local`."""
    local: bool = False
    megabytes: float = 1e9
    """At most this much text is taken, evenly over the files' records."""
    max_turns: int = 1000
    """Longer conversations are cut after this many messages."""
    max_characters: int = 1_000_000_000
    """Longer records are left out."""
    share: float = 0.0
    """Relative weight in the training mixture; 0 means in proportion to its size."""
    cleaning: str | tuple[str, ...] = ()
    """What the records need: a profile ("web", "clean", "dialogue", "code") or names of stages
    (training/cleaning/profiles.py). All are normalised and measured anyway."""
    cleaning_options: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Options of these stages other than usual, by stage: their fields in training/cleaning/."""

    def __post_init__(self) -> None:
        if self.stage in STAGES:
            stages_for(self)  # a mistake in the two fields above is found before the work begins


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Which text, for which configuration."""

    name: str
    config: str
    licence: str
    """SPDX name of the licence of a model trained on it."""
    sources: tuple[Source, ...]


def load_recipe(name_or_file: str) -> tuple[Recipe, Path]:
    """Read training/recipes/NAME.toml or a file; return it and its folder. Raises ConfigError."""
    path = find_file(name_or_file, "recipes")
    values = read_file(path)
    try:
        sources = tuple(build(Source, source, path) for source in values.pop("sources"))
        recipe = build(Recipe, {"name": path.stem, "sources": sources, **values}, path)
    except KeyError as error:
        raise ConfigError("{path} lacks {field}.", path=path, field=error.args[0]) from error
    for source in sources:
        if source.stage not in STAGES:
            raise ConfigError(
                "{path}: the stage of {source} must be pretrain, sft or dpo.",
                path=path,
                source=source.name,
            )
    return recipe, path.parent
