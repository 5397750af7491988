"""The scale of a chart's side: from values to places, with round numbers to mark it."""

import math
from dataclasses import dataclass

import numpy as np

_ROUND = (1, 2, 2.5, 5, 10)
_LOGARITHMIC_MARKS = 5
"""High to low: within less, evenly spaced marks are rounder."""

_CONSTANT = 1e-6
"""Of the values' size: less is no change that a chart should blow up."""


@dataclass(frozen=True)
class Axis:
    """Maps `low`…`high` onto `start`…`end` (drawing units), evenly or by logarithms."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """Return where `value` is drawn; what lies far outside stays near the chart."""
        low, high = self._scaled(self.low), self._scaled(self.high)
        share = (self._scaled(value) - low) / (high - low)
        return self.start + max(-1.0, min(2.0, share)) * (self.end - self.start)

    def ticks(self, count: int) -> list[float]:
        """Return about `count` round values between the ends."""
        if self.logarithmic and self.high / self.low >= _LOGARITHMIC_MARKS:
            return self._logarithmic_ticks(count)
        step = _round_step((self.high - self.low) / count)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [mark * step for mark in range(first, last + 1)]

    def _logarithmic_ticks(self, count: int) -> list[float]:
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        stride = max(1, math.ceil((last - first) / count))
        factors = (1, 2, 5) if last - first <= 2 else (1,)
        marks = [f * 10.0**power for power in range(first, last + 1, stride) for f in factors]
        return [mark for mark in marks if self.low <= mark <= self.high]

    def _scaled(self, value: float) -> float:
        return math.log(max(value, 1e-300)) if self.logarithmic else value


def fitting(
    values: np.ndarray,
    start: float,
    end: float,
    *,
    logarithmic: bool = False,
    from_zero: bool = False,
) -> Axis:
    """Return the axis that holds all of `values`, with a little room; any if there are none."""
    if logarithmic:
        values = values[values > 0]
    if not len(values):
        return Axis(0.0, 1.0, start, end)
    low, high = float(values.min()), float(values.max())
    if from_zero:
        low = min(low, 0.0)
    if logarithmic:
        room = max(1.05, (high / low) ** 0.05)
        return Axis(low / room, high * room, start, end, logarithmic=True)
    size = max(abs(low), abs(high))
    room = 0.05 * (high - low if high - low > _CONSTANT * size else size) or 1.0
    return Axis(low if from_zero and low == 0 else low - room, high + room, start, end)


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return power * next(factor for factor in _ROUND if rough <= factor * power * (1 + 1e-9))
