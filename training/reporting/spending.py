"""What the run took: time, tokens, operations; and what the rest or the paper's run would take."""

from engine.i18n import tr
from training import cost
from training.reporting.elements import Child, Element, element, missing, table
from training.reporting.numbers import compact, duration
from training.reporting.run import Run, Stage
from training.settings import load_settings

_PAPER = "geb-1.3b"


def section(run: Run) -> Element:
    """Return the table of the stages' cost and the projections."""
    header: list[Child] = [tr("stage"), tr("steps"), tr("tokens"), tr("time"), tr("tokens/s")]
    header += ["FLOP", "FLOP/s", tr("time left")]
    rows = [_row(stage) for stage in run.stages]
    return element("div", table(header, rows), _projection(run))


def stage_flops(stage: Stage) -> float | None:
    """Return the operations of a stage, forward and backward; None for an unknown model."""
    if stage.model is None or stage.sequence_length is None:
        return None
    return cost.stage_flops(stage.name, stage.model, stage.sequence_length, stage.log.tokens)


def _row(stage: Stage) -> list[Child]:
    log, flops = stage.log, stage_flops(stage)
    speed = log.tokens / log.seconds if log.seconds else 0.0
    planned = stage.planned_steps
    left = ""
    if planned and 0 < log.steps < planned and log.seconds:
        left = duration(log.seconds * (planned - log.steps) / log.steps)
    return [
        stage.title,
        f"{log.steps:,}",
        compact(log.tokens),
        duration(log.seconds),
        compact(speed),
        compact(flops) if flops else "",
        compact(flops / log.seconds) if flops and log.seconds else "",
        left,
    ]


def _projection(run: Run) -> Element:
    """Return how long the paper's model would take at the speed of this run's longest stage."""
    longest = max(run.stages, key=lambda stage: stage.log.seconds)
    flops = stage_flops(longest)
    if not flops or not longest.log.seconds:
        return missing(tr("Nothing can be projected: the log tells no time, or no model was read."))
    paper = cost.stage_costs(load_settings(_PAPER))[0]
    seconds = paper.flops / (flops / longest.log.seconds)
    return element(
        "p",
        tr(
            "At the speed of {stage}, this machine would need {time} for the paper's 1.3 billion "
            "parameters and {tokens} tokens.",
            stage=longest.title,
            time=duration(seconds),
            tokens=compact(paper.tokens),
        ),
    )
