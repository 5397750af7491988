"""Whether a stage went well, judged by its log alone."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from engine.i18n import tr
from training.reporting.log import BITS
from training.reporting.numbers import figures, signed_percent
from training.reporting.run import Run, Stage

_LATE_SHARE = 0.1
"""Of the steps: a spike in the last ones has not been recovered from yet."""
_RISE = 0.05
"""Of the smoothed loss above its lowest: less does no harm."""
_SURE = 6
"""Standard deviations of the smoothed loss: the lowest of many averages lies low by chance."""
_HELDOUT_RISE = 0.02
"""Of held-out bits per byte above their lowest: the model learns its text by heart."""
_MANY_SPIKES_SHARE = 0.01


class Grade(IntEnum):
    """From healthy to broken."""

    GOOD = 0
    WARNING = 1
    BAD = 2


@dataclass(frozen=True)
class Verdict:
    """A grade, and the findings behind it; a good one has none."""

    grade: Grade
    findings: tuple[str, ...]


def judge(stage: Stage) -> Verdict:
    """Return the verdict on one stage."""
    bad = _broken(stage)
    warnings = [*_progress(stage), *_loss_trend(stage), *_spikes(stage), *_heldout(stage)]
    grade = Grade.BAD if bad else Grade.WARNING if warnings else Grade.GOOD
    return Verdict(grade, (*bad, *warnings))


def judge_run(run: Run) -> Verdict:
    """Return the verdict on all stages together: the worst of theirs."""
    verdicts = [judge(stage) for stage in run.stages]
    grade = max((verdict.grade for verdict in verdicts), default=Grade.WARNING)
    return Verdict(grade, tuple(run.problems))


def _broken(stage: Stage) -> list[str]:
    loss = stage.log.curve("loss")
    if loss is None or not len(loss.finite):
        return [tr("The log holds no loss.")]
    if not np.isfinite(loss.values[-1]):
        return [tr("The loss is no number at the last step.")]
    return []


def _progress(stage: Stage) -> list[str]:
    planned = stage.planned_steps
    if planned is None or stage.log.steps >= planned:
        return []
    return [tr("At step {step} of {planned}.", step=stage.log.steps, planned=planned)]


def _loss_trend(stage: Stage) -> list[str]:
    loss = stage.log.curve("loss")
    if loss is None or len(loss.finite) < 2 * loss.reach:
        return []
    smooth = loss.smoothed()
    first, last = loss.finite[: loss.reach].mean(), smooth.finite[-1]
    if last >= first:
        return [
            tr(
                "The loss did not fall: {first} at first, {last} at last.",
                first=figures(first),
                last=figures(last),
            )
        ]
    lowest = smooth.finite.min()
    noise = np.nanstd(np.where(np.isfinite(loss.values), loss.values - smooth.values, np.nan))
    rise = last - lowest
    if rise > _RISE * abs(lowest) and rise > _SURE * noise / loss.reach**0.5:
        return [
            tr(
                "The loss ends {rise} above its lowest ({lowest}).",
                rise=signed_percent(rise / abs(lowest)),
                lowest=figures(lowest),
            )
        ]
    return []


def _spikes(stage: Stage) -> list[str]:
    steps = [event.step for event in stage.log.events if event.kind == "spike"]
    late = [step for step in steps if step > (1 - _LATE_SHARE) * stage.log.steps]
    if late:
        return [tr("The loss spiked at step {step}, near the end.", step=int(late[-1]))]
    if len(steps) > max(3, _MANY_SPIKES_SHARE * stage.log.steps):
        return [tr("The loss spiked {count} times.", count=len(steps))]
    return []


def _heldout(stage: Stage) -> list[str]:
    """Tuning moves away from running text on purpose, so only pretraining is judged by it."""
    if stage.name != "pretrain":
        return []
    found = []
    for name, curve in stage.log.curves.items():
        if not name.startswith(BITS) or len(curve.finite) < 2:
            continue
        last, lowest = curve.finite[-1], curve.finite.min()
        if lowest > 0 and last > (1 + _HELDOUT_RISE) * lowest:
            found.append(
                tr(
                    "Held-out {language} ends {rise} above its best: the model is overfitting.",
                    language=name.removeprefix(BITS),
                    rise=signed_percent(last / lowest - 1),
                )
            )
    return found
