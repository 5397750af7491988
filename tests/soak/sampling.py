"""What a process takes, sampled, compared and drawn."""

import gc
import threading
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import monotonic

import psutil
from PySide6.QtWidgets import QApplication

_WARM_UP = 0.25
"""The first share of all samples: caches fill, the stores find their sizes."""
_TOLERANCES = {
    "memory_mb": (0.05, 10.0),
    "children_mb": (0.15, 30.0),
    "handles": (0.0, 3.0),
    "threads": (0.0, 2.0),
    "children": (0.0, 1.0),
    "widgets": (0.05, 20.0),
    "objects": (0.05, 3000.0),
    "store_mb": (0.10, 4.5),  # the log beside it holds up to 4 MB before it starts over
    "library_mb": (0.10, 4.5),
    "other_files_mb": (0.10, 0.5),
}
"""By how much the median of the last third may exceed that of the first: a share, or so many."""
_PANEL = (620, 78)
_MARGIN, _LEGEND = 150, 250


class Samples:
    """Takes samples of this process, its children and its files below `home`."""

    def __init__(self, home: Path) -> None:
        self.rows: list[dict[str, float]] = []
        self._home = home
        self._process = psutil.Process()
        self._begun = monotonic()

    def take(self) -> None:
        """Add a sample of this moment."""
        gc.collect()
        data = self._home / "data"
        children = self._process.children(recursive=True)
        store = _size(data.glob("conversations.sqlite3*"))
        library = _size(data.glob("library.sqlite3*"))
        everything = _size(path for path in self._home.rglob("*") if "models" not in path.parts)
        self.rows.append(
            {
                "minutes": (monotonic() - self._begun) / 60,
                "memory_mb": self._process.memory_info().rss / 1e6,
                "children_mb": sum(map(_memory, children)) / 1e6,
                "handles": self._process.num_fds(),
                "threads": threading.active_count(),
                "children": len(children),
                "widgets": len(QApplication.allWidgets()),
                "objects": len(gc.get_objects()),
                "store_mb": store / 1e6,
                "library_mb": library / 1e6,
                "other_files_mb": (everything - store - library) / 1e6,
            }
        )

    def grown(self) -> list[str]:
        """Return what takes more in the last third of the time than in the first, warm-up apart."""
        found = []
        for name, (share, amount) in _TOLERANCES.items():
            first, last, _ = self._thirds(name)
            if last > first + max(first * share, amount):
                found.append(f"{name} from {first:,.1f} to {last:,.1f}")
        return found

    def table(self) -> str:
        """Return the medians of the first and the last third, and the most."""
        lines = [f"{'':16}{'first third':>12}{'last third':>12}{'most':>12}"]
        for name in _TOLERANCES:
            lines.append(f"{name:16}" + "".join(f"{n:>12,.1f}" for n in self._thirds(name)))
        return "\n".join(lines)

    def drawing(self) -> str:
        """Return a picture of all samples, as SVG."""
        width, height = _PANEL[0] + _MARGIN + _LEGEND, _PANEL[1] * len(_TOLERANCES) + 40
        last = self.rows[-1]["minutes"]
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
            ' font-family="sans-serif" font-size="12">',
            f'<rect width="{width}" height="{height}" fill="white"/>',
        ]
        for number, name in enumerate(_TOLERANCES):
            parts += self._panel(name, number * _PANEL[1] + 10, last)
        parts.append(
            f'<text x="{_MARGIN}" y="{height - 10}">0</text>'
            f'<text x="{_MARGIN + _PANEL[0]}" y="{height - 10}" text-anchor="end">'
            f"{last:.0f} minutes</text></svg>"
        )
        return "\n".join(parts) + "\n"

    def _panel(self, name: str, top: float, last: float) -> list[str]:
        values = [row[name] for row in self.rows]
        most = max(values) or 1.0
        inner = _PANEL[1] - 14
        points = " ".join(
            f"{_MARGIN + row['minutes'] / last * _PANEL[0]:.1f},"
            f"{top + inner - row[name] / most * inner:.1f}"
            for row in self.rows
        )
        bottom = top + inner
        return [
            f'<line x1="{_MARGIN}" y1="{bottom}" x2="{_MARGIN + _PANEL[0]}" y2="{bottom}"'
            ' stroke="#bbb"/>',
            f'<polyline points="{points}" fill="none" stroke="#2563eb" stroke-width="1.5"/>',
            f'<text x="{_MARGIN - 8}" y="{top + inner / 2}" text-anchor="end">{name}</text>',
            f'<text x="{_MARGIN + _PANEL[0] + 8}" y="{top + inner / 2}">{values[-1]:,.1f} now,'
            f" {most:,.1f} at most</text>",
        ]

    def _thirds(self, name: str) -> tuple[float, float, float]:
        values = [row[name] for row in self.rows]
        warm = values[int(len(values) * _WARM_UP) :]
        third = max(1, len(warm) // 3)
        return median(warm[:third]), median(warm[-third:]), max(values)


def _memory(process: psutil.Process) -> int:
    return _or_zero(lambda: process.memory_info().rss)


def _size(paths: object) -> int:
    return sum(_or_zero(lambda path=path: path.stat().st_size) for path in paths)  # type: ignore[attr-defined,misc]


def _or_zero(measure: Callable[[], int]) -> int:
    """Return a measure; 0 of what has ended or is gone by now."""
    try:
        return measure()
    except (OSError, psutil.Error):
        return 0
