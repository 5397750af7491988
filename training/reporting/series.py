"""Curves: what a log says of one quantity, smoothed and thinned for drawing."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_SMOOTHING_SHARE = 0.02
"""Of the points that the smoothed line averages over."""
_LEAST_REACH = 2


@dataclass(frozen=True)
class Series:
    """float64 [points] each: the steps, rising, and the values, NaN where one is no number."""

    steps: Floats
    values: Floats

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def finite(self) -> Floats:
        """The values that are numbers."""
        return self.values[np.isfinite(self.values)]

    @property
    def reach(self) -> int:
        """How many points to each side the smoothed line averages over."""
        return max(_LEAST_REACH, round(_SMOOTHING_SHARE * len(self) / 2))

    def smoothed(self) -> "Series":
        """Return the moving average; at the start over fewer points, so that no fall is blurred."""
        count, places = len(self), np.arange(len(self))
        left = np.minimum(self.reach, places)
        right = np.minimum(left, count - 1 - places)
        good = np.isfinite(self.values)
        sums = np.concatenate(([0.0], np.cumsum(np.where(good, self.values, 0.0))))
        counts = np.concatenate(([0.0], np.cumsum(good)))
        within = counts[places + right + 1] - counts[places - left]
        total = sums[places + right + 1] - sums[places - left]
        with np.errstate(invalid="ignore"):
            return Series(self.steps, np.where(within > 0, total / np.maximum(within, 1), np.nan))

    def thinned(self, points: int) -> "Thinned":
        """Return at most `points` neighbourhoods, each by its mean and its extremes."""
        groups = np.array_split(np.arange(len(self)), min(points, max(1, len(self))))
        kept = [group for group in groups if np.isfinite(self.values[group]).any()]
        return Thinned(
            np.array([self.steps[group[-1]] for group in kept]),
            np.array([np.mean(_finite(self.values[group])) for group in kept]),
            np.array([np.min(_finite(self.values[group])) for group in kept]),
            np.array([np.max(_finite(self.values[group])) for group in kept]),
        )


@dataclass(frozen=True)
class Thinned:
    """float64 [points] each."""

    steps: Floats
    means: Floats
    lows: Floats
    highs: Floats


def _finite(values: Floats) -> Floats:
    return values[np.isfinite(values)]
