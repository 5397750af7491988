"""Loss spikes: found against a moving window, and answered by the remedies of GEB-1.3B.

What a remedy does to a step is the trainer's; what it remembers is here, and part of every
checkpoint.
"""

from collections import deque
from statistics import fmean, pstdev
from typing import Any

from training.settings import SpikeSettings


class SpikeGuard:
    """Watches the losses and gradient norms of one run.

    Batches are counted from the first that the run drew, left-out ones included.
    """

    def __init__(self, settings: SpikeSettings) -> None:
        self.settings = settings
        self._losses: deque[float] = deque(maxlen=settings.window)
        self._norms: deque[float] = deque(maxlen=settings.window)
        self.embedding_gradient_scale = 1.0
        self.learning_rate_scale = 1.0
        self._spikes: list[int] = []
        self._skipped: list[tuple[int, int]] = []

    def is_spike(self, loss: float, norm: float) -> bool:
        """Return whether either leaps more than sigma deviations above its window.

        A value that is no number is a spike once there is a window; the same rule guards
        OLMo-core's training.
        """
        if len(self._losses) < max(2, self.settings.window // 2):
            return False
        return not (
            loss <= _ceiling(self._losses, self.settings.sigma)
            and norm <= _ceiling(self._norms, self.settings.sigma)
        )

    def record(self, loss: float, norm: float) -> None:
        """Add a step that was applied to the window."""
        self._losses.append(loss)
        self._norms.append(norm)

    def react(self, batch: int) -> None:
        """Remember a spike at `batch`, and let the lasting remedies begin."""
        settings = self.settings
        self._spikes.append(batch)
        if "shrink" in settings.remedies:
            self.embedding_gradient_scale = settings.embedding_gradient_scale
        if "decay" in settings.remedies:
            self.learning_rate_scale *= settings.learning_rate_factor
        if "skip" in settings.remedies:
            self._skipped.append((batch - settings.skip_before, batch + settings.skip_after + 1))

    def exhausted(self, batch: int) -> bool:
        """Return whether the last window before `batch` holds more spikes than the limit."""
        recent = [spike for spike in self._spikes if spike > batch - self.settings.window]
        return len(recent) > self.settings.limit

    def batches_to_skip(self, batch: int) -> int:
        """Return how many batches from `batch` on are left out."""
        end = batch
        for first, after in sorted(self._skipped):
            if first <= end < after:
                end = after
        return end - batch

    def state(self) -> dict[str, Any]:
        """Return everything, as JSON values."""
        return {
            "window": [list(self._losses), list(self._norms)],
            "remedies": [self.embedding_gradient_scale, self.learning_rate_scale],
            "spikes": list(self._spikes),
            "skipped": list(self._skipped),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go back to what `state()` returned."""
        self.load_window(state)
        self.embedding_gradient_scale, self.learning_rate_scale = state["remedies"]
        self._spikes = list(state["spikes"])
        self._skipped = [(first, after) for first, after in state["skipped"]]

    def load_window(self, state: dict[str, Any]) -> None:
        """Go back to the window of `state` alone: its run ended in a spike, remembered here."""
        losses, norms = state["window"]
        self._losses = deque(losses, maxlen=self.settings.window)
        self._norms = deque(norms, maxlen=self.settings.window)


def _ceiling(window: deque[float], sigma: float) -> float:
    return fmean(window) + sigma * pstdev(window)
