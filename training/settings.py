"""Configurations: the shape of a model and the hyper-parameters of its training, from TOML."""

from dataclasses import dataclass, field
from typing import Any

from engine.config import ModelConfig
from engine.errors import ConfigError
from training.mixture import MixtureSettings
from training.toml_file import build, find_file, read_file


@dataclass(frozen=True, kw_only=True)
class TokenizerSettings:
    """How the SentencePiece BPE vocabulary is learnt."""

    vocab_size: int
    character_coverage: float = 0.9995
    """Share of the characters that get a piece of their own; the others become bytes."""
    sample_megabytes: float = 30.0
    """How much text the vocabulary is learnt from, spread evenly over the sources.

    Learning takes about 15 bytes of memory per byte.
    """


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
    mixture: MixtureSettings = field(default_factory=MixtureSettings)
    """How the sources are mixed."""

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


def load_settings(name_or_file: str) -> Settings:
    """Read training/configs/NAME.toml or a file. Raises ConfigError."""
    path = find_file(name_or_file, "configs")
    values = read_file(path)
    sections: dict[str, Any] = {"name": path.stem}
    for section in ("tokenizer", "model", "pretrain", "sft", "dpo"):
        if not isinstance(values.get(section), dict):
            raise ConfigError("{path} lacks the section [{section}].", path=path, section=section)
    unknown = set(values) - {"tokenizer", "model", "pretrain", "sft", "dpo"}
    if unknown:
        raise ConfigError(
            "{path} has an unknown section: {names}.", path=path, names=", ".join(sorted(unknown))
        )
    sections["tokenizer"] = build(TokenizerSettings, values["tokenizer"], path)
    values["model"].setdefault("vocab_size", sections["tokenizer"].vocab_size)
    sections["model"] = build(ModelConfig, values["model"], path)
    sections["pretrain"] = build(StageSettings, values["pretrain"], path)
    sections["sft"] = build(StageSettings, values["sft"], path)
    sections["dpo"] = build(DPOSettings, values["dpo"], path)
    settings = Settings(**sections)
    if settings.model.vocab_size < settings.tokenizer.vocab_size:
        raise ConfigError("{path}: the model's vocab_size is below the tokenizer's.", path=path)
    for stage in (settings.pretrain, settings.sft, settings.dpo):
        lengths = [stage.sequence_length, *stage.mixture.sequence_lengths(stage.sequence_length)]
        if max(lengths) > settings.model.max_position_embeddings:
            raise ConfigError("{path}: sequence_length exceeds max_position_embeddings.", path=path)
    return settings
