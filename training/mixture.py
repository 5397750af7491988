"""The mixture: how much of each batch comes from which source, fixed, staged or adaptive."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ConfigError, DataError

if TYPE_CHECKING:
    from training.settings import StageSettings

Shares = NDArray[np.float64]
_TOLERANCE = 1e-6


@dataclass(frozen=True, kw_only=True)
class MixtureStage:
    """One part of training with a mixture of its own ([[pretrain.mixture.stages]])."""

    until: float
    """Where it ends, as a fraction of the steps; the last ends at 1."""
    sequence_length: int | None = None
    """Tokens per row, instead of the stage's; rows times tokens stays about the same.

    Longer sequences late cost little and suffice (H2O-Danube, arXiv 2401.16818). Every length
    divides the longest.
    """
    shares: dict[str, float] = field(default_factory=dict)
    """Fraction of the rows by source, or by language (MindLLM, arXiv 2310.15777): a language's
    sources keep their proportions, and so do those that nothing here names."""

    def __post_init__(self) -> None:
        if self.sequence_length is not None and self.sequence_length < 1:
            raise ConfigError("{name} must be at least 1.", name="sequence_length")
        _check_not_negative(self.shares)


@dataclass(frozen=True, kw_only=True)
class MixtureSettings:
    """How the shares of the sources come about ([pretrain.mixture])."""

    kind: str = "fixed"
    """"fixed": the recipe's shares; "staged": changing at given steps; "adaptive": following
    the losses."""
    stages: tuple[MixtureStage, ...] = ()
    """Of a staged mixture, in order."""
    update_steps: int = 100
    """Of an adaptive mixture: steps between two measurements of its losses."""
    minimum_share: float = 0.0
    """Of an adaptive mixture: no source's share falls below it."""
    targets: dict[str, float] = field(default_factory=dict)
    """Of an adaptive mixture: held-out loss to reach by source, in nats per token of the same
    tokenizer. A source without one keeps its share."""
    reference_log: str = ""
    """Of an adaptive mixture: a log.jsonl whose last `loss_by_source` are the targets."""

    def __post_init__(self) -> None:
        if self.kind not in ("fixed", "staged", "adaptive"):
            raise ConfigError(
                "{name} must be one of {allowed}, not {value}.",
                name="mixture.kind",
                allowed="fixed, staged, adaptive",
                value=self.kind,
            )
        self._check_kind()
        if self.update_steps < 1:
            raise ConfigError("{name} must be at least 1.", name="update_steps")
        _check_not_negative({"minimum_share": self.minimum_share})
        ends = [0.0, *(stage.until for stage in self.stages)]
        if self.stages and (ends[-1] != 1 or any(a >= b for a, b in pairwise(ends))):
            raise ConfigError(
                "The stages of a mixture must end at increasing fractions of the steps, the last "
                "at 1, not at {ends}.",
                ends=", ".join(f"{end:g}" for end in ends[1:]),
            )

    def _check_kind(self) -> None:
        for name, kind in (
            ("stages", "staged"),
            ("targets", "adaptive"),
            ("reference_log", "adaptive"),
            ("minimum_share", "adaptive"),
        ):
            if getattr(self, name) and self.kind != kind:
                raise ConfigError(
                    'A mixture of the kind "{kind}" has no {name}; that needs "{needed}".',
                    kind=self.kind,
                    name=name,
                    needed=kind,
                )
        if self.kind == "staged" and not self.stages:
            raise ConfigError("A staged mixture needs its stages.")
        if self.kind == "adaptive" and bool(self.targets) == bool(self.reference_log):
            raise ConfigError("An adaptive mixture needs either targets or a reference_log.")

    def sequence_lengths(self, default: int) -> list[int]:
        """Return the row length of each stage of training."""
        return [stage.sequence_length or default for stage in self.stages] or [default]


class Mixture:
    """The share of every source, and the shape of a batch, at any step.

    A step is the number of batches drawn before. `sources` are those with tokens, by name.
    """

    def __init__(
        self,
        settings: "StageSettings",
        sources: Mapping[str, Mapping[str, Any]],
        sizes: Mapping[str, int],
    ) -> None:
        """Mix `sources` ("share" and "language" by name, as in sources.json).

        `sizes` counts the tokens of each. Raises DataError if they name different sources, and
        ConfigError for shares or lengths that contradict one another.
        """
        if unequal := sorted(set(sources) ^ set(sizes)):
            raise DataError(
                "The recipe and the token shards differ in {names}; run training.tokenizer again, "
                "or remove the shards that no recipe names.",
                names=", ".join(unequal),
            )
        self.sources = sorted(name for name, size in sizes.items() if size)
        if not self.sources:
            raise DataError("The token shards hold no tokens; run training.data again.")
        self._settings = settings.mixture
        self._languages = [str(sources[name].get("language", "")) for name in self.sources]
        base = recipe_shares({name: sources[name] for name in self.sources}, sizes)
        overrides = [stage.shares for stage in self._settings.stages] or [{}]
        self._shares = [self._override(base, shares) for shares in overrides]
        self._ends = [round(stage.until * settings.steps) for stage in self._settings.stages]
        lengths = self._settings.sequence_lengths(settings.sequence_length)
        tokens = settings.batch_size * settings.sequence_length
        self.shapes = [(max(1, round(tokens / length)), length) for length in lengths]
        """Rows and tokens per row of a batch in each stage of training."""
        self.longest = max(lengths)
        """Tokens of the longest rows."""
        self._check_lengths(lengths)
        self._targets: dict[str, float] = {}
        if self._settings.kind == "adaptive":
            self._targets = self._read_targets()
            self._check_floor()
            self._shares = [_at_least(base, self._settings.minimum_share)]

    def shape(self, step: int) -> tuple[int, int]:
        """Return rows and tokens per row of the batch at a step."""
        return self.shapes[self._stage(step)]

    def shares(self, step: int) -> Shares:
        """Return the share of each source in the batch at a step; they add up to 1."""
        return self._shares[self._stage(step)]

    def reweigh(self, losses: Mapping[str, float]) -> None:
        """Set share ∝ share · exp(max(loss - target, 0)), with the floor.

        Dynamic batch loading of Sheared LLaMA (arXiv 2310.06694, algorithm 1). `losses` are nats
        per token by source; a source without loss or target keeps its share. Only an adaptive
        mixture changes. Raises DataError if no loss has a target, or one is not a number.
        """
        if self._settings.kind != "adaptive":
            return
        measured = np.array([name in losses and name in self._targets for name in self.sources])
        if not measured.any():
            raise DataError(
                "No source with a target has a held-out loss: {names}; an adaptive mixture needs "
                "held-out text of its sources.",
                names=", ".join(self._targets),
            )
        excess = np.array(
            [
                losses[name] - self._targets[name] if known else 0.0
                for name, known in zip(self.sources, measured, strict=True)
            ]
        )
        if not np.isfinite(excess).all():
            raise DataError("A held-out loss is not a number; the mixture cannot follow it.")
        excess = np.maximum(excess, 0)
        shares = self._shares[0]
        raised = np.where(measured, shares * np.exp(excess - excess.max()), 0.0)
        raised *= shares[measured].sum() / raised.sum()
        new = np.where(measured, raised, shares)
        self._shares = [_at_least(new, self._settings.minimum_share)]

    def state(self) -> dict[str, Any]:
        """Return what an exact resume needs, as JSON values."""
        if self._settings.kind != "adaptive":
            return {}
        return {"shares": dict(zip(self.sources, self._shares[0].tolist(), strict=True))}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state()` returned; a mixture that was not adaptive starts afresh."""
        if self._settings.kind == "adaptive" and "shares" in state:
            self._shares = [np.array([state["shares"][name] for name in self.sources])]

    def _stage(self, step: int) -> int:
        passed = sum(step >= end for end in self._ends)
        return min(passed, len(self.shapes) - 1)

    def _override(self, base: Shares, overrides: Mapping[str, float]) -> Shares:
        """Return shares in which the named sources and languages have the given fractions."""
        self._check_names(overrides)
        named = np.array([name in overrides for name in self.sources])
        shares = np.where(named, [overrides.get(name, 0.0) for name in self.sources], 0.0)
        for language in sorted(set(self._languages) & set(overrides) - set(self.sources)):
            inside = np.array([each == language for each in self._languages])
            _fill(shares, base, inside & ~named, overrides[language] - shares[inside].sum())
            named |= inside
        _fill(shares, base, ~named, 1 - shares.sum())
        return shares / shares.sum()

    def _check_names(self, names: Mapping[str, float]) -> None:
        known = {*self.sources, *self._languages}
        if unknown := sorted(set(names) - known):
            raise ConfigError(
                "The mixture names {names}, which is no source and no language of the recipe.",
                names=", ".join(unknown),
            )

    def _check_lengths(self, lengths: list[int]) -> None:
        for length in lengths:
            if self.longest % length:
                raise ConfigError(
                    "The sequence length {length} does not divide the mixture's longest, "
                    "{longest}.",
                    length=length,
                    longest=self.longest,
                )

    def _check_floor(self) -> None:
        if self._settings.minimum_share * len(self.sources) > 1 + _TOLERANCE:
            raise ConfigError(
                "A minimum_share of {share} is too much for {count} sources.",
                share=self._settings.minimum_share,
                count=len(self.sources),
            )

    def _read_targets(self) -> dict[str, float]:
        if self._settings.targets:
            if unknown := sorted(set(self._settings.targets) - set(self.sources)):
                raise ConfigError(
                    "The mixture has a target for {names}, which is no source of the recipe.",
                    names=", ".join(unknown),
                )
            return self._settings.targets
        targets = _logged_losses(Path(self._settings.reference_log))
        return {name: targets[name] for name in self.sources if name in targets}


def recipe_shares(sources: Mapping[str, Mapping[str, Any]], sizes: Mapping[str, int]) -> Shares:
    """Return the recipe's shares, adding up to 1; a source without one counts by its size."""
    given = {name: float(source.get("share") or 0.0) for name, source in sources.items()}
    _check_not_negative(given)
    shares = np.array(list(given.values()))
    by_size = np.array([float(sizes[name]) for name in sources])
    free = shares == 0
    left = 1 - shares.sum()
    if free.any() and left <= 0:
        raise ConfigError(
            "The recipe's shares leave nothing for {names}: give each source a share, or let them "
            "add up to less than 1.",
            names=", ".join(name for name, share in given.items() if not share),
        )
    if free.any():
        shares[free] = left * by_size[free] / by_size[free].sum()
    normalised: Shares = shares / shares.sum()
    return normalised


def _fill(shares: Shares, base: Shares, where: NDArray[np.bool_], total: float) -> None:
    """Spread what is left of a total over some sources, in their proportions."""
    if total < -_TOLERANCE:
        raise ConfigError(
            "The shares of a mixture's stage exceed the whole, or a language's, by {excess}.",
            excess=f"{-total:g}",
        )
    if total > _TOLERANCE and not where.any():
        raise ConfigError(
            "The shares of a mixture's stage leave {rest} of the rows to no source.",
            rest=f"{total:g}",
        )
    if where.any():
        shares[where] = max(total, 0.0) * base[where] / base[where].sum()


def _at_least(shares: Shares, minimum: float) -> Shares:
    """Return the nearest shares in proportion of which none is below `minimum`."""
    low = np.zeros(len(shares), dtype=bool)
    while not low.all():
        left = 1 - minimum * low.sum()
        scaled = np.where(low, minimum, shares * left / shares[~low].sum())
        below = scaled < minimum
        if not below.any():
            return scaled
        low |= below
    return np.full(len(shares), 1 / len(shares))


def _check_not_negative(values: Mapping[str, float]) -> None:
    for name, value in values.items():
        if not 0 <= value < math.inf:
            raise ConfigError("{name} must not be negative.", name=name)


def _logged_losses(path: Path) -> dict[str, float]:
    try:
        entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        logged = [entry["loss_by_source"] for entry in entries if "loss_by_source" in entry]
        return {str(name): float(loss) for name, loss in logged[-1].items()}
    except (OSError, ValueError, IndexError, AttributeError, TypeError) as error:
        raise ConfigError(
            "The reference log {path} holds no loss_by_source: {detail}.", path=path, detail=error
        ) from error
