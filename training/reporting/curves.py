"""The charts of one stage: every quantity of its log, the known ones first."""

from collections.abc import Iterator

from engine.i18n import tr
from training.reporting.chart import COLOURS, Line, Style, line_chart
from training.reporting.elements import Element, element, missing
from training.reporting.log import BITS, Log
from training.reporting.run import Run, Stage
from training.reporting.shares import is_constant, share_bars, source_colours, stacked_chart
from training.reporting.sources import shares_of

_KNOWN = ("loss", "learning_rate", "learning_rate_scale", "gradient_norm", "tokens_per_second")
_MOST_OTHERS = 12
_MOST_MARKS = 200


def charts(run: Run, stage: Stage) -> Element:
    """Return all charts of a stage, in a grid."""
    log = stage.log
    figures = [
        *_loss(log),
        *_heldout(log),
        *_single(log, tr("Learning rate"), Style(from_zero=True), "learning_rate"),
        *_single(
            log, tr("Learning rate, of its peak"), Style(from_zero=True), "learning_rate_scale"
        ),
        *_smooth(log, tr("Gradient norm"), "gradient_norm", Style(logarithmic=True)),
        *_smooth(log, tr("Tokens per second"), "tokens_per_second", Style(from_zero=True)),
        *_shares(run, stage),
        *_source_losses(log),
        *_others(log),
    ]
    return element("div", *figures, class_="grid")


def _loss(log: Log) -> Iterator[Element]:
    yield from _smooth(log, tr("Training loss"), "loss", Style(cut_start=True))


def _heldout(log: Log) -> Iterator[Element]:
    lines = [
        Line(name.removeprefix(BITS), curve, _language_colour(name.removeprefix(BITS)))
        for name, curve in sorted(log.curves.items())
        if name.startswith(BITS) and len(curve.finite)
    ]
    title = tr("Held-out bits per byte")
    if lines:
        yield line_chart(title, lines[:COLOURS], log.steps)
    else:
        yield _absent(title, tr("The log holds no held-out score."))


def _single(log: Log, title: str, style: Style, name: str) -> Iterator[Element]:
    curve = log.curve(name)
    if curve is not None and len(curve.finite):
        yield line_chart(title, [Line(title, curve)], log.steps, style)


def _smooth(log: Log, title: str, name: str, style: Style) -> Iterator[Element]:
    curve = log.curve(name)
    if curve is None or not len(curve.finite):
        yield _absent(title, tr("The log holds no {name}.", name=name))
        return
    marks = log.events[-_MOST_MARKS:] if name in ("loss", "gradient_norm") else ()
    yield line_chart(title, [Line(title, curve, smooth=True)], log.steps, style, marks)


def _shares(run: Run, stage: Stage) -> Iterator[Element]:
    title = tr("Shares of the sources")
    logged = {
        name: series
        for name, series in stage.log.groups.get("shares", {}).items()
        if len(series.finite)
    }
    if logged and not is_constant(logged):
        yield stacked_chart(title, logged, stage.log.steps)
        return
    fixed = {name: float(series.finite[-1]) for name, series in logged.items()}
    fixed = fixed or shares_of(run, stage.name)
    if fixed:
        yield share_bars(title, fixed)
    else:
        yield _absent(title, tr("Neither the log nor data/sources.json says them."))


def _source_losses(log: Log) -> Iterator[Element]:
    losses = log.groups.get("loss_by_source", {})
    found = [(name, series) for name, series in losses.items() if len(series.finite)]
    if found:
        found.sort(key=lambda item: -item[1].finite[-1])
        colours = source_colours(log.groups.get("shares", losses))
        lines = [Line(name, series, colours.get(name, 0)) for name, series in found[:COLOURS]]
        yield line_chart(tr("Held-out loss of the sources"), lines, log.steps)


def _others(log: Log) -> Iterator[Element]:
    """What this page knows no name for is shown under the log's own."""
    others = [
        (name, curve)
        for name, curve in log.curves.items()
        if name not in _KNOWN and not name.startswith(BITS) and len(curve.finite) > 1
    ]
    for name, curve in others[:_MOST_OTHERS]:
        yield line_chart(_title(name), [Line(name, curve, smooth=True)], log.steps)


def _title(name: str) -> str:
    titles = {
        "chosen_loss": tr("Loss of the chosen answers"),
        "preference_margin": tr("Margin of the chosen answer"),
        "preference_accuracy": tr("Share of pairs in the right order"),
    }
    return titles.get(name, name)


def _language_colour(language: str) -> int:
    return {"zh": 1, "en": 0}.get(language, 2)


def _absent(title: str, sentence: str) -> Element:
    return element(
        "figure",
        element("figcaption", element("span", title), class_="title"),
        missing(sentence),
        class_="card chart",
    )
