"""Which stages the records of a source go through, and in which order."""

from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any

from engine.errors import ConfigError
from training.cleaning.conversations import Pairs, Turns
from training.cleaning.encoding import Encoding
from training.cleaning.garbled import Garbled
from training.cleaning.keywords import Keywords
from training.cleaning.length import Length
from training.cleaning.markup import Markup
from training.cleaning.normalise import Normalise
from training.cleaning.paragraphs import Paragraphs
from training.cleaning.perplexity import Perplexity
from training.cleaning.privacy import Privacy
from training.cleaning.punctuation import Punctuation
from training.cleaning.records import Stage
from training.cleaning.repeats import Repeats
from training.cleaning.unwrap import Unwrap
from training.cleaning.words import Words

if TYPE_CHECKING:
    from training.recipe import Source

_ORDER: tuple[type[Stage], ...] = (
    # What changes the text, from its form to its content.
    *(Encoding, Normalise, Turns, Markup, Privacy, Garbled, Unwrap, Repeats),
    *(Punctuation, Paragraphs, Pairs),
    # What only judges it, when it is as it will stay.
    *(Words, Keywords, Perplexity, Length),
)
_STAGES: dict[str, type[Stage]] = {stage.name: stage for stage in _ORDER}
_ALWAYS = {
    "pretrain": ("normalise", "length"),
    "sft": ("normalise", "turns", "length"),
    "dpo": ("normalise", "pairs", "length"),
}
_SELECTABLE = [name for name in _STAGES if name not in ("turns", "pairs")]
_DOCUMENTS_ONLY = ("unwrap", "punctuation", "paragraphs", "keywords")
"""Stages that would take a short answer, a list or a poem in a conversation for debris."""

Options = dict[str, dict[str, Any]]
"""Values of fields, by stage."""
PROFILES: dict[str, Options] = {
    # Raw pages.
    "web": {name: {} for name in _SELECTABLE},
    # Text that others cleaned already: what is left are accidents.
    "clean": {"encoding": {}, "privacy": {}, "garbled": {"signs": 1.0}, "repeats": {}},
    # Conversations: nothing is taken out of an answer; one that is broken goes as a whole.
    "dialogue": {"encoding": {}, "privacy": {}, "garbled": {"signs": 1.0, "removed": 0.0}},
    # Source code.
    "code": {"privacy": {"urls": False}},
}


def stages_for(source: "Source") -> list[Stage]:
    """Return new stages for the records of one source, in the order they are to run.

    Every source is normalised, brought into its form and measured, whatever it says.
    Raises ConfigError for a profile, a stage or an option that there is not.
    """
    profile = _profile(source)
    chosen = {*profile, *_ALWAYS[source.stage]}
    if strangers := sorted(set(source.cleaning_options) - chosen):
        raise ConfigError(
            "The source {source} has cleaning options for {names}, which it does not run.",
            source=source.name,
            names=", ".join(strangers),
        )
    usual: Options = {
        "turns": {"maximum": source.max_turns},
        "length": {"maximum": source.max_characters},
    }
    if source.stage != "pretrain":
        usual["length"]["minimum"] = 1
    layers = (usual, profile, source.cleaning_options)
    return [
        _build(stage, {k: v for layer in layers for k, v in layer.get(name, {}).items()}, source)
        for name, stage in _STAGES.items()
        if name in chosen
    ]


def _profile(source: "Source") -> Options:
    """Return the stages that a source names, with their options."""
    if isinstance(source.cleaning, str):
        name = source.cleaning or ("clean" if source.stage == "pretrain" else "dialogue")
        if name not in PROFILES:
            raise ConfigError(
                "The source {source} names the cleaning profile {profile}; there are {known}.",
                source=source.name,
                profile=name,
                known=", ".join(PROFILES),
            )
        profile = PROFILES[name]
    else:
        profile = {name: {} for name in source.cleaning}
    if unknown := sorted(set(profile) - set(_SELECTABLE)):
        raise ConfigError(
            "The source {source} names unknown cleaning stages ({names}); there are {known}.",
            source=source.name,
            names=", ".join(unknown),
            known=", ".join(_SELECTABLE),
        )
    if source.stage != "pretrain" and (wrong := sorted(set(profile) & set(_DOCUMENTS_ONLY))):
        raise ConfigError(
            "The source {source} holds conversations; the cleaning stages {names} are for"
            " documents.",
            source=source.name,
            names=", ".join(wrong),
        )
    return profile


def _build(stage: type[Stage], options: dict[str, Any], source: "Source") -> Stage:
    defaults = {field.name: field.default for field in fields(stage) if field.init}  # type: ignore[arg-type]
    for name, value in options.items():
        default = defaults.get(name, MISSING)
        # A whole number may stand for a fraction, but true for nothing else.
        kinds = (int, float) if isinstance(default, float) else (type(default),)
        if default is MISSING or type(value) not in kinds:
            raise ConfigError(
                "The source {source} sets {option} of the cleaning stage {stage} to {value}; its"
                " options are {known}.",
                source=source.name,
                option=name,
                stage=stage.name,
                value=value,
                known=", ".join(f"{key} = {usual}" for key, usual in defaults.items()),
            )
    return stage(**options)
