"""One measurement over all engines, and how ours stands to each of the others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from speed.rows import print_line

OURS = "ours"


@dataclass(frozen=True)
class Comparison:
    """Tokens a second by engine; ours is one of them."""

    key: str
    """Its name in JSON."""
    name: str
    speeds: dict[str, float]
    target: float
    """The ratio to the reference that ours is to reach."""

    @property
    def ratios(self) -> dict[str, float]:
        """Our speed over that of each other engine."""
        others = {name: speed for name, speed in self.speeds.items() if name != OURS}
        return {name: self.speeds[OURS] / speed for name, speed in others.items()}


def print_speeds(comparison: Comparison) -> None:
    """Print a line with the speed of each engine."""
    print_line(comparison.name, *(f"{speed:,.1f}" for speed in comparison.speeds.values()))


def print_ratios(comparisons: Sequence[Comparison], reference: str) -> None:
    """Print a table of our speed over each other's, with the target for that over `reference`."""
    others = list(comparisons[0].ratios)
    targeted = reference in others
    print()
    print_line("ours over each", *others, "target" if targeted else "")
    for comparison in comparisons:
        ratios = [f"{comparison.ratios[name]:.2f} ×" for name in others]
        wanted = f"≥ {comparison.target:.2f} × {reference.split()[-1]}" if targeted else ""
        print_line(comparison.name, *ratios, wanted)


def figures(comparison: Comparison) -> Iterator[tuple[str, float]]:
    """Yield keys and figures for JSON: the speed of each engine, and ours over the others'."""
    for name, speed in comparison.speeds.items():
        yield f"{comparison.key}_{_slug(name)}_tokens_per_second", speed
    for name, ratio in comparison.ratios.items():
        yield f"{comparison.key}_over_{_slug(name)}", ratio


def _slug(name: str) -> str:
    return name.lower().replace(" ", "_").replace(".", "_")
