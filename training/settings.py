"""Configurations: the shape of a model and the hyper-parameters of its training, from TOML."""

import math
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

    def __post_init__(self) -> None:
        _check_least(self, 1, "vocab_size")
        _check_share("character_coverage", self.character_coverage)
        _check_above_zero(self, "sample_megabytes")


@dataclass(frozen=True, kw_only=True)
class SpikeSettings:
    """When a step counts as a spike, and what is done about it (GEB-1.3B, section 3).

    Every spike is logged, with or without remedies.
    """

    remedies: tuple[str, ...] = ()
    """Any of "replace" (the step is not applied, the next batch is drawn), "skip" (back to an
    earlier checkpoint, and past the batches around the spike), "shrink" (the gradient of the
    input embedding × embedding_gradient_scale from here on) and "decay" (the learning rate ×
    learning_rate_factor from here on). "replace" and "skip" exclude each other."""
    sigma: float = 6.0
    """Standard deviations above the window's mean at which a loss or gradient norm is a spike."""
    window: int = 128
    """Steps that a loss or gradient norm is compared with; half of them must have passed."""
    skip_before: int = 100
    """Batches before the spike that "skip" leaves out."""
    skip_after: int = 100
    """Batches after the spike that "skip" leaves out."""
    embedding_gradient_scale: float = 0.1
    """The factor of "shrink" (GLM-130B). AdamW forgets a constant factor after some steps: it acts
    on the spike itself, and lastingly through gradient_clip."""
    learning_rate_factor: float = 0.7
    """The factor of "decay"; a second spike multiplies again."""
    limit: int = 10
    """Spikes within one window after which the run ends: no remedy helps."""

    def __post_init__(self) -> None:
        _check_choices("remedies", self.remedies, ("replace", "skip", "shrink", "decay"))
        if {"replace", "skip"} <= set(self.remedies):
            raise ConfigError('The remedies "replace" and "skip" exclude each other.')
        _check_share("embedding_gradient_scale", self.embedding_gradient_scale)
        _check_share("learning_rate_factor", self.learning_rate_factor)
        _check_least(self, 2, "window")
        _check_least(self, 1, "sigma", "limit")
        _check_least(self, 0, "skip_before", "skip_after")


@dataclass(frozen=True, kw_only=True)
class TeacherSettings:
    """Knowledge inheritance from the model that --teacher names (Qin et al. 2022; CPM-2).

    The loss gets weight · KL(teacher ‖ student), less of it with every step.
    """

    until: float = 0.3
    """Share of the steps after which the teacher is let go."""
    weight: float = 1.0
    """The divergence's weight at the first step; it falls linearly to zero."""
    temperature: float = 1.0
    """Softens both distributions; the divergence is multiplied by its square (Hinton 2015)."""

    def __post_init__(self) -> None:
        _check_share("until", self.until)
        _check_above_zero(self, "weight", "temperature")


@dataclass(frozen=True, kw_only=True)
class BlendSettings:
    """Text and conversations in the same batches ([pretrain.blend], [sft.blend]).

    Pretraining takes in the conversations of tuning, or tuning the text of pretraining: a model
    that reads and answers from the first step on is usable after any of them (MiniCPM, arXiv
    2404.06395, mixes both in the steps in which the learning rate decays).
    """

    conversations: float
    """Share of the rows that hold conversations; the others hold text."""
    answers: float
    """Share of the loss that answers make up. All other tokens make up the rest, those of the
    users included, whose passages are text as well."""

    def __post_init__(self) -> None:
        for name in ("conversations", "answers"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigError("{name} must be above 0 and below 1.", name=name)


@dataclass(frozen=True, kw_only=True)
class QuantizationSettings:
    """Training for the int8 graph that will run the model ([sft.quantization]).

    Weights, activations and the key-value cache are rounded as there. The activations' scales
    come from the checkpoint that the stage began from, or are calibrated on the batch at hand;
    then they are frozen, stay with the checkpoint, and the exported graph has the same.
    """

    start: float
    """Share of the steps after which it begins; 0: with the first."""

    def __post_init__(self) -> None:
        if not 0 <= self.start < 1:
            raise ConfigError("{name} must be at least 0 and below 1.", name="start")


@dataclass(frozen=True, kw_only=True)
class StageSettings:
    """What every training stage sets."""

    steps: int
    batch_size: int
    """Rows per step, over all processes."""
    sequence_length: int
    """Tokens per row."""
    micro_batch_size: int | None = None
    """Rows that a process puts through the model at once, to save memory; gradients are
    accumulated, so that the step stays the same. Without it: all of its rows."""
    activation_checkpointing: bool = False
    """Keep only every block's input for the backward pass and compute the rest again: about a
    third more time for far less memory."""
    optimizer: str = "muon"
    """"muon": Muon for the matrices inside the blocks, AdamW for the rest; "adamw": AdamW for
    everything, as in the paper. Both with betas 0.9 and 0.95."""
    matrix_learning_rate: float | None = None
    """Muon's, for the matrices inside the blocks: 0.02 if it is left out."""
    learning_rate: float = 3e-3
    """AdamW's."""
    adam_epsilon: float = 1e-8
    """Added to the root of AdamW's second moment."""
    weight_decay: float = 0.0
    """Of the matrices inside the blocks, times the learning rate; never of embeddings or norms."""
    schedule: str = "wsd"
    """"wsd": warm up, stay, decay linearly to zero; "cosine": warm up, then cosine to a tenth;
    "constant": warm up, stay, so that stages which decay can branch off at any time."""
    warmup_steps: int = 50
    decay_fraction: float | None = None
    """Share of the steps over which "wsd" decays: 0.3 if it is left out."""
    gradient_clip: float = 1.0
    """Largest norm of all gradients together; a larger one is scaled down to it."""
    spikes: SpikeSettings = field(default_factory=SpikeSettings)
    checkpoint_minutes: float = 10.0
    keep_checkpoints: int = 1
    """Finished checkpoints that stay, beside the one that is being written."""
    asynchronous_checkpoints: bool = False
    """Let training go on while a checkpoint is written; for runs of several processes."""
    evaluate_steps: int = 250
    """Steps between two measurements of held-out bits per byte, with samples."""
    precision: str = "auto"
    """"bfloat16", "float32", or "auto": bfloat16 where the hardware multiplies it."""
    compile: str = "auto"
    """"on", "off", or "auto": on where a C++ compiler is found."""
    seed: int = 0
    mixture: MixtureSettings = field(default_factory=MixtureSettings)
    """How the sources are mixed."""
    blend: BlendSettings | None = None
    """Text and conversations together; without it, pretraining has only text, and tuning only
    conversations, of which the answers count."""
    quantization: QuantizationSettings | None = None
    """Rounding to int8 while training; without it, none."""

    def __post_init__(self) -> None:
        _check_choices("optimizer", (self.optimizer,), ("muon", "adamw"))
        _check_choices("schedule", (self.schedule,), ("wsd", "cosine", "constant"))
        _check_choices("precision", (self.precision,), ("auto", "bfloat16", "float32"))
        _check_choices("compile", (self.compile,), ("auto", "on", "off"))
        _check_least(self, 1, "steps", "batch_size", "sequence_length", "evaluate_steps")
        _check_least(self, 1, "keep_checkpoints")
        _check_least(self, 0, "warmup_steps", "checkpoint_minutes", "weight_decay", "seed")
        _check_above_zero(self, "learning_rate", "adam_epsilon", "gradient_clip")
        if self.micro_batch_size is not None:
            _check_least(self, 1, "micro_batch_size")
        if self.matrix_learning_rate is not None:
            _check_above_zero(self, "matrix_learning_rate")
        if self.decay_fraction is not None:
            _check_share("decay_fraction", self.decay_fraction)
        if self.blend is not None and self.mixture.kind == "adaptive":
            raise ConfigError(
                "A blend of text and conversations needs a fixed or a staged mixture."
            )
        for name, value, needed, chosen in (
            ("matrix_learning_rate", self.matrix_learning_rate, "muon", self.optimizer),
            ("decay_fraction", self.decay_fraction, "wsd", self.schedule),
        ):
            if value is not None and chosen != needed:
                raise ConfigError(
                    '{name} is a field of "{needed}" and contradicts "{chosen}".',
                    name=name,
                    needed=needed,
                    chosen=chosen,
                )


@dataclass(frozen=True, kw_only=True)
class PretrainSettings(StageSettings):
    """Pretraining; a teacher takes part only where --teacher names one."""

    teacher: TeacherSettings = field(default_factory=TeacherSettings)


@dataclass(frozen=True, kw_only=True)
class DPOSettings(StageSettings):
    """Preference optimisation; `batch_size` counts pairs."""

    beta: float = 0.1
    """How far the model may go from where it began: smaller lets it go farther."""
    rpo_alpha: float = 0.0
    """Weight of the chosen answer's loss per token beside the preference; 0: plain DPO."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.blend is not None:
            raise ConfigError("Preference pairs cannot be blended with text or conversations.")
        _check_above_zero(self, "beta")
        if not self.rpo_alpha >= 0:
            raise ConfigError("{name} must not be negative.", name="rpo_alpha")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that a configuration file says."""

    name: str
    tokenizer: TokenizerSettings
    model: ModelConfig
    prepretrain: StageSettings | None
    """On random tokens, before text; without it, training begins with text."""
    lookup: StageSettings | None
    """On questions about random tokens, after prepretrain."""
    pretrain: PretrainSettings
    sft: StageSettings
    dpo: DPOSettings


_SECTIONS = ("tokenizer", "model", "pretrain", "sft", "dpo")
_OPTIONAL = ("prepretrain", "lookup")


def load_settings(name_or_file: str) -> Settings:
    """Read training/configs/NAME.toml or a file. Raises ConfigError."""
    path = find_file(name_or_file, "configs")
    values = read_file(path)
    sections: dict[str, Any] = {"name": path.stem}
    for section in _SECTIONS:
        if not isinstance(values.get(section), dict):
            raise ConfigError("{path} lacks the section [{section}].", path=path, section=section)
    unknown = set(values) - {*_SECTIONS, *_OPTIONAL}
    if unknown:
        raise ConfigError(
            "{path} has an unknown section: {names}.", path=path, names=", ".join(sorted(unknown))
        )
    sections["tokenizer"] = build(TokenizerSettings, values["tokenizer"], path)
    values["model"].setdefault("vocab_size", sections["tokenizer"].vocab_size)
    sections["model"] = build(ModelConfig, values["model"], path)
    for name in _OPTIONAL:
        sections[name] = build(StageSettings, values[name], path) if name in values else None
    sections["pretrain"] = build(PretrainSettings, values["pretrain"], path)
    sections["sft"] = build(StageSettings, values["sft"], path)
    sections["dpo"] = build(DPOSettings, values["dpo"], path)
    settings = Settings(**sections)
    if settings.model.vocab_size < settings.tokenizer.vocab_size:
        raise ConfigError("{path}: the model's vocab_size is below the tokenizer's.", path=path)
    if settings.lookup and not settings.prepretrain:
        raise ConfigError("{path}: [lookup] needs [prepretrain] before it.", path=path)
    optional = (settings.prepretrain, settings.lookup)
    for stage in filter(None, (*optional, settings.pretrain, settings.sft, settings.dpo)):
        if settings.model.tie_word_embeddings and "shrink" in stage.spikes.remedies:
            raise ConfigError(
                '{path}: the remedy "shrink" needs an input embedding of its own, but '
                "tie_word_embeddings makes it the output's, too.",
                path=path,
            )
        lengths = [stage.sequence_length, *stage.mixture.sequence_lengths(stage.sequence_length)]
        if max(lengths) > settings.model.max_position_embeddings:
            raise ConfigError("{path}: sequence_length exceeds max_position_embeddings.", path=path)
    return settings


def _check_choices(name: str, chosen: tuple[str, ...], allowed: tuple[str, ...]) -> None:
    for value in chosen:
        if value not in allowed:
            raise ConfigError(
                "{name} must be one of {allowed}, not {value}.",
                name=name,
                allowed=", ".join(allowed),
                value=value,
            )


def _check_least(section: object, least: int, *names: str) -> None:
    for name in names:
        if not getattr(section, name) >= least:  # nor a NaN
            raise ConfigError("{name} must be at least {least}.", name=name, least=least)


def _check_above_zero(section: object, *names: str) -> None:
    for name in names:
        if not 0 < getattr(section, name) < math.inf:
            raise ConfigError("{name} must be above 0.", name=name)


def _check_share(name: str, value: float) -> None:
    if not 0 < value <= 1:
        raise ConfigError("{name} must be above 0 and at most 1.", name=name)
