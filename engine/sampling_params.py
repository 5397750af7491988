"""What a user may set of how an answer is drawn; see engine.sampling for what it does.

Apart from the drawing, so that a window can open before the mathematics is loaded.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from engine.errors import GenerationError

REPETITION_WINDOW = 256
"""The repetition penalty looks at so many of the latest tokens: a few paragraphs, so that a
long conversation does not forbid its own common words."""

BOUNDS: dict[str, tuple[float, float]] = {
    "temperature": (0, 10),
    "top_k": (0, 1_000_000),
    "top_p": (0, 1),
    "min_p": (0, 1),
    "repetition_penalty": (0.1, 10),
    "max_new_tokens": (1, 1_000_000),
    "seed": (0, 2**64 - 1),
}
_WHOLE_NUMBERS = ("top_k", "max_new_tokens", "seed")


@dataclass(frozen=True, kw_only=True)
class SamplingParams:
    """How to draw the tokens of one answer. Raises GenerationError for values out of range."""

    temperature: float = 1.0
    """0 to 10; 0 is greedy."""
    top_k: int = 0
    """Keep the k likeliest tokens; 0 keeps all."""
    top_p: float = 1.0
    """Keep the smallest set of likeliest tokens that holds this share of the probability."""
    min_p: float = 0.0
    """Keep tokens at least this likely, relative to the likeliest."""
    repetition_penalty: float = 1.0
    """0.1 to 10; above 1, tokens among the last REPETITION_WINDOW become less likely."""
    max_new_tokens: int = 512
    seed: int | None = None
    """The same seed gives the same answer; None draws a fresh one."""

    def __post_init__(self) -> None:
        for name, (low, high) in BOUNDS.items():
            value = getattr(self, name)
            if name == "seed" and value is None:
                continue
            kinds = int if name in _WHOLE_NUMBERS else (int, float)
            if isinstance(value, bool) or not isinstance(value, kinds):
                raise GenerationError(
                    "{name} must be a number, not {value}.", name=name, value=value
                )
            # Written so that NaN fails, too.
            if not low <= value <= high:
                raise GenerationError(
                    "{name} must be between {low} and {high}, not {value}.",
                    name=name,
                    low=low,
                    high=high,
                    value=value,
                )


SamplingChanges = Mapping[str, int | float | None]
"""Some of SamplingParams' fields by name; the others, and None, are as the model recommends."""


@dataclass(frozen=True, kw_only=True)
class GenerationDefaults:
    """What a bundle's generation_config.json recommends, and where its answers end."""

    temperature: float
    top_k: int
    top_p: float
    min_p: float
    repetition_penalty: float
    max_new_tokens: int
    eos_token_ids: tuple[int, ...]

    def params(self, **changes: Any) -> SamplingParams:
        """Return these settings with some of SamplingParams' fields changed; None changes nothing.

        Raises GenerationError for values out of range.
        """
        values = asdict(self)
        del values["eos_token_ids"]
        values |= {name: value for name, value in changes.items() if value is not None}
        return SamplingParams(**values)
