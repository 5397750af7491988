"""Runs that must end by the clock: how many steps will fit, from the speed so far."""

import time

_SETTLING_STEPS = 3
"""The first steps compile and allocate: they do not tell the speed."""


class TimeBox:
    """Plans a run of at most `steps` steps that begins now and ends after `minutes`.

    Without `minutes` the plan is the steps.
    """

    def __init__(self, steps: int, minutes: float | None) -> None:
        self._steps, self._first = steps, 0
        self._settled: float | None = None
        self._end = None if minutes is None else time.monotonic() + 60 * minutes

    def planned_steps(self, step: int) -> int:
        """Return after how many steps the run will end, seen from `step`, which it has reached."""
        if self._end is None:
            return self._steps
        now = time.monotonic()
        if now >= self._end:
            return step
        if self._settled is None:
            self._first = self._first or step + _SETTLING_STEPS
            if step < self._first:
                return self._steps
            self._settled = now
        if step == self._first:
            return self._steps
        pace = (now - self._settled) / (step - self._first)
        return min(self._steps, step + max(1, round((self._end - now) / pace)))
