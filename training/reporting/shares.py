"""How much each source gives: stacked over the steps where it changes, bars where it does not."""

from collections.abc import Mapping

import numpy as np

from engine.i18n import tr
from training.reporting.axis import Axis
from training.reporting.chart import (
    BOTTOM,
    COLOURS,
    TOP,
    Line,
    canvas,
    figure,
    legend,
    path,
    steps_axis,
    trace,
)
from training.reporting.elements import Element, element
from training.reporting.numbers import percent
from training.reporting.series import Floats, Series

_POINTS = 200


def stacked_chart(title: str, shares: Mapping[str, Series], last_step: float) -> Element:
    """Return the figure of shares that change: the largest sources, and all others together."""
    x = steps_axis(last_step)
    steps = np.unique(np.concatenate([series.steps for series in shares.values()]))
    steps = steps[np.linspace(0, len(steps) - 1, min(_POINTS, len(steps))).astype(int)]
    table = {name: _held(series, steps) for name, series in shares.items()}
    total = np.maximum(sum(table.values(), np.zeros(len(steps))), 1e-12)
    colours = source_colours(shares)
    lines = [
        Line(name, Series(steps, values / total), colours.get(name, COLOURS - 1))
        for name, values in _largest(table, colours).items()
    ]
    y = Axis(0.0, 1.0, BOTTOM, TOP)
    drawing = canvas(title, x, y)
    base = np.zeros(len(steps))
    places = [x.place(step) for step in steps]
    for line in lines:
        top = base + line.series.values
        edge = [y.place(v) for v in top], [y.place(v) for v in base[::-1]]
        area = path([*places, *places[::-1]], [*edge[0], *edge[1]]) + "Z"
        drawing.append(element("path", d=area, class_=f"area c{line.colour}"))
        base = top
    traces = [trace(line.name, line.colour, line.series, percent) for line in lines]
    return figure(title, "", drawing, traces, legend(lines, percent))


def source_colours(shares: Mapping[str, Series]) -> dict[str, int]:
    """Return each source's colour, the same in every chart of a stage: by its mean share."""
    means = {
        name: float(series.finite.mean()) for name, series in shares.items() if len(series.finite)
    }
    return {name: rank for rank, name in enumerate(sorted(means, key=lambda n: (-means[n], n)))}


def is_constant(shares: Mapping[str, Series]) -> bool:
    """Return whether no share ever changes."""
    return all(np.ptp(series.finite) < 1e-6 for series in shares.values() if len(series.finite))


def share_bars(title: str, shares: Mapping[str, float]) -> Element:
    """Return a list of bars, the largest share first; they need not add up to 1."""
    total = sum(shares.values()) or 1.0
    largest = max(shares.values(), default=0.0) or 1.0
    rows = [
        element(
            "li",
            element("span", name, class_="name"),
            bar(share / largest),
            element("span", percent(share / total), class_="number"),
        )
        for name, share in sorted(shares.items(), key=lambda item: -item[1])
    ]
    return element(
        "figure",
        element("figcaption", element("span", title), class_="title"),
        element("ul", *rows, class_="bars"),
        class_="card chart",
    )


def bar(share: float, colour: int = 0) -> Element:
    """Return a bar as long as `share`, 0 to 1, of the room that it has."""
    return element(
        "svg",
        element("rect", width=f"{100 * share:.1f}%", height="100%", rx=2),
        class_=f"bar c{colour}",
        aria_hidden="true",
    )


def _held(series: Series, steps: Floats) -> Floats:
    """Return the values at `steps`; a share holds until the next one is logged."""
    place = np.searchsorted(series.steps, steps, side="right") - 1
    values = np.where(place < 0, series.values[0], series.values[np.maximum(place, 0)])
    return np.clip(np.nan_to_num(values, posinf=0.0), 0.0, None)


def _largest(table: dict[str, Floats], ranks: dict[str, int]) -> dict[str, Floats]:
    ordered = sorted(table, key=lambda name: ranks.get(name, len(ranks)))
    if len(ordered) <= COLOURS:
        return {name: table[name] for name in ordered}
    kept = {name: table[name] for name in ordered[: COLOURS - 1]}
    rest = np.sum([table[name] for name in ordered[COLOURS - 1 :]], axis=0)
    return {**kept, tr("others"): rest}
