"""Configurations (shape and hyper-parameters) and recipes (which text), read from TOML.

A field that no stage knows is refused: a misspelt option must not train for days unnoticed.
"""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from engine.config import ModelConfig
from engine.errors import ConfigError

FOLDER = Path(__file__).parent
Section = TypeVar("Section")


@dataclass(frozen=True, kw_only=True)
class TokenizerSettings:
    """How the SentencePiece BPE vocabulary is learnt."""

    vocab_size: int
    character_coverage: float = 0.9995
    """Share of the characters that get a piece of their own; the others become bytes."""
    sample_megabytes: float = 30.0
    """How much text the vocabulary is learnt from, spread evenly over the sources."""


@dataclass(frozen=True, kw_only=True)
class StageSettings:
    """What every training stage sets."""

    steps: int
    batch_size: int
    """Rows per step."""
    sequence_length: int
    """Tokens per row."""
    matrix_learning_rate: float = 0.02
    """Muon's, for the matrices inside the blocks."""
    learning_rate: float = 3e-3
    """AdamW's, for embeddings, head and norms."""
    weight_decay: float = 0.0
    schedule: str = "wsd"
    """"wsd": warm up, stay, decay linearly to zero; "cosine": warm up, then cosine to a tenth."""
    warmup_steps: int = 50
    decay_fraction: float = 0.3
    """Share of the steps over which "wsd" decays."""
    gradient_clip: float = 1.0
    checkpoint_minutes: float = 10.0
    evaluate_steps: int = 250
    """Steps between two measurements of held-out bits per byte."""
    precision: str = "auto"
    """"bfloat16", "float32", or "auto": bfloat16 where the hardware multiplies it."""
    compile: str = "auto"
    """"on", "off", or "auto": on where a C++ compiler is found."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name, allowed in (
            ("schedule", ("wsd", "cosine")),
            ("precision", ("auto", "bfloat16", "float32")),
            ("compile", ("auto", "on", "off")),
        ):
            if getattr(self, name) not in allowed:
                raise ConfigError(
                    "{name} must be one of {allowed}, not {value}.",
                    name=name,
                    allowed=", ".join(allowed),
                    value=getattr(self, name),
                )
        for name in ("steps", "batch_size", "sequence_length"):
            if getattr(self, name) < 1:
                raise ConfigError("{name} must be at least 1.", name=name)


@dataclass(frozen=True, kw_only=True)
class DPOSettings(StageSettings):
    """Preference optimisation; `batch_size` counts pairs."""

    beta: float = 0.1
    """How far the model may go from where it began: smaller lets it go farther."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that a configuration file says."""

    name: str
    tokenizer: TokenizerSettings
    model: ModelConfig
    pretrain: StageSettings
    sft: StageSettings
    dpo: DPOSettings


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


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Which text, for which configuration."""

    name: str
    config: str
    licence: str
    """SPDX name of the licence of a model trained on it."""
    sources: tuple[Source, ...]


def load_settings(name_or_file: str) -> Settings:
    """Read training/configs/NAME.toml or a file. Raises ConfigError."""
    path = _find(name_or_file, "configs")
    values = _read(path)
    sections: dict[str, Any] = {"name": path.stem}
    for section in ("tokenizer", "model", "pretrain", "sft", "dpo"):
        if not isinstance(values.get(section), dict):
            raise ConfigError("{path} lacks the section [{section}].", path=path, section=section)
    unknown = set(values) - {"tokenizer", "model", "pretrain", "sft", "dpo"}
    if unknown:
        raise ConfigError(
            "{path} has an unknown section: {names}.", path=path, names=", ".join(sorted(unknown))
        )
    sections["tokenizer"] = _build(TokenizerSettings, values["tokenizer"], path)
    values["model"].setdefault("vocab_size", sections["tokenizer"].vocab_size)
    sections["model"] = _build(ModelConfig, values["model"], path)
    sections["pretrain"] = _build(StageSettings, values["pretrain"], path)
    sections["sft"] = _build(StageSettings, values["sft"], path)
    sections["dpo"] = _build(DPOSettings, values["dpo"], path)
    settings = Settings(**sections)
    if settings.model.vocab_size < settings.tokenizer.vocab_size:
        raise ConfigError("{path}: the model's vocab_size is below the tokenizer's.", path=path)
    for stage in (settings.pretrain, settings.sft, settings.dpo):
        if stage.sequence_length > settings.model.max_position_embeddings:
            raise ConfigError("{path}: sequence_length exceeds max_position_embeddings.", path=path)
    return settings


def load_recipe(name_or_file: str) -> tuple[Recipe, Path]:
    """Read training/recipes/NAME.toml or a file; return it and its folder. Raises ConfigError."""
    path = _find(name_or_file, "recipes")
    values = _read(path)
    try:
        sources = tuple(_build(Source, source, path) for source in values.pop("sources"))
        recipe = _build(Recipe, {"name": path.stem, "sources": sources, **values}, path)
    except KeyError as error:
        raise ConfigError("{path} lacks {field}.", path=path, field=error.args[0]) from error
    for source in sources:
        if source.stage not in ("pretrain", "sft", "dpo"):
            raise ConfigError(
                "{path}: the stage of {source} must be pretrain, sft or dpo.",
                path=path,
                source=source.name,
            )
    return recipe, path.parent


def _find(name_or_file: str, folder: str) -> Path:
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


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError("{path} is not valid TOML: {detail}.", path=path, detail=error) from error


def _build(kind: type[Section], values: dict[str, Any], path: Path) -> Section:
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - known)
    if unknown:
        raise ConfigError(
            "{path} has an unknown field: {names}.", path=path, names=", ".join(unknown)
        )
    lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    try:
        return kind(**{**values, **lists})
    except TypeError as error:
        raise ConfigError("{path}: {detail}.", path=path, detail=error) from error
