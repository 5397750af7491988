"""What was measured: rows of a table that a person reads, and the same as flat JSON."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_WORDS = {None: "", True: "met", False: "missed"}


@dataclass(frozen=True)
class Row:
    """One figure."""

    key: str
    """Its name in JSON, which ends in its unit."""
    name: str
    value: float
    unit: str
    """Printed behind the value; "%" prints a share of 1 in percent, "×" a ratio."""
    at_least: float | None = None
    """The target, in the unit of `value`."""
    at_most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None where there is none."""
        if self.at_least is not None:
            return self.value >= self.at_least
        return None if self.at_most is None else self.value <= self.at_most


def print_row(row: Row) -> None:
    """Print a line: name, figure, target."""
    sign, target = ("≥", row.at_least) if row.at_most is None else ("≤", row.at_most)
    wanted = "" if target is None else f"{sign} {_format(target, row.unit)}"
    print_line(row.name, _format(row.value, row.unit), wanted, _WORDS[row.met])


def print_line(first: str, *others: str) -> None:
    """Print columns, the first one to the left and the others to the right."""
    cells = "".join(f"{cell:>16}" for cell in others)
    print(f"{first:<48}{cells}".rstrip(), flush=True)


def write_figures(path: Path, figures: Iterable[tuple[str, float]]) -> None:
    """Write {key: figure} as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict(figures), indent=1) + "\n", encoding="utf-8")


def _format(value: float, unit: str) -> str:
    if unit == "%":
        return f"{value:.1%}"
    digits = 2 if abs(value) < 10 else 1
    return f"{value:,.{digits}f} {unit}"
