"""A line chart as a figure: the drawing, its last value, a legend, and what a pointer reads off."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.i18n import tr
from training.reporting.axis import Axis, fitting
from training.reporting.elements import Element, element
from training.reporting.log import Event
from training.reporting.numbers import reading, tick
from training.reporting.series import Floats, Series

WIDTH, HEIGHT = 400, 220
LEFT, RIGHT, TOP, BOTTOM = 44, 386, 12, 194
COLOURS = 10
"""The style sheet has classes c0 … c9."""
_POINTS = 320
_START_SHARE = 0.03
"""Of the steps: the first fall, which may leave the chart."""
_MUCH_TALLER = 2


@dataclass(frozen=True)
class Line:
    """One curve. `smooth`: drawn pale, with its moving average over it."""

    name: str
    series: Series
    colour: int = 0
    smooth: bool = False


@dataclass(frozen=True)
class Style:
    """How a chart is drawn. `cut_start`: a first fall that dwarfs the rest may leave it."""

    logarithmic: bool = False
    from_zero: bool = False
    cut_start: bool = False


def line_chart(
    title: str,
    lines: Sequence[Line],
    last_step: float,
    style: Style = Style(),
    events: Sequence[Event] = (),
) -> Element:
    """Return the figure of `lines`, at least one of which holds a finite value."""
    strong = [line.series.smoothed() if line.smooth else line.series for line in lines]
    x = steps_axis(last_step)
    y = _values_axis(lines, strong, style)
    drawing = canvas(title, x, y)
    for line, series in zip(lines, strong, strict=True):
        drawing.append(_curve(line, series, x, y))
    drawing.append(_markers(events, x))
    traces = [
        trace(line.name, line.colour, series) for line, series in zip(lines, strong, strict=True)
    ]
    last = reading(strong[0].finite[-1]) if len(lines) == 1 else ""
    return figure(title, last, drawing, traces, legend(lines))


def figure(
    title: str, summary: str, drawing: Element, traces: list[dict[str, object]], key: Element | None
) -> Element:
    """Return a drawing under its title; the page's script reads `traces`."""
    drawing.set("data-traces", json.dumps(traces, separators=(",", ":")))
    caption = element(
        "figcaption", element("span", title), element("strong", summary), class_="title"
    )
    return element("figure", caption, drawing, key, class_="card chart")


def canvas(title: str, x: Axis, y: Axis) -> Element:
    """Return an <svg> with the grid, and the labels of both axes."""
    grid = element("g", class_="grid")
    labels = element("g", class_="labels")
    for value in y.ticks(4):
        place = _round(y.place(value))
        grid.append(element("line", x1=LEFT, x2=RIGHT, y1=place, y2=place))
        labels.append(element("text", tick(value), x=LEFT - 5, y=place + 4, text_anchor="end"))
    for value in x.ticks(5):
        place = _round(x.place(value))
        labels.append(element("text", tick(value), x=place, y=BOTTOM + 16, text_anchor="middle"))
    labels.append(element("text", tr("step"), x=LEFT - 5, y=BOTTOM + 16, text_anchor="end"))
    axis = element("line", x1=LEFT, x2=RIGHT, y1=BOTTOM, y2=BOTTOM, class_="axis")
    return element(
        "svg",
        grid,
        axis,
        labels,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=title,
        data_low=x.low,
        data_high=x.high,
    )


def steps_axis(last_step: float) -> Axis:
    """Return the horizontal axis from no step to the last, the same in every chart of a stage."""
    return Axis(0.0, max(1.0, last_step), LEFT, RIGHT)


def trace(
    name: str, colour: int, series: Series, read: Callable[[float], str] = reading
) -> dict[str, object]:
    """Return what the page's script shows of a curve under the pointer."""
    thin = series.thinned(_POINTS)
    return {
        "name": name,
        "colour": f"c{colour % COLOURS}",
        "steps": [int(step) for step in thin.steps],
        "values": [read(value) for value in thin.means],
    }


def legend(lines: Sequence[Line], read: Callable[[float], str] = reading) -> Element | None:
    """Return the names of several lines beside their colours, with their last values."""
    if len(lines) < 2:
        return None
    names = (
        element(
            "li",
            element("i", class_=f"c{line.colour % COLOURS}"),
            line.name,
            " ",
            element("b", read(line.series.finite[-1])),
        )
        for line in lines
    )
    return element("ul", *names, class_="legend")


def path(xs: Sequence[float], ys: Sequence[float]) -> str:
    """Return the `d` of a line through points."""
    return "M" + "L".join(f"{_round(a)},{_round(b)}" for a, b in zip(xs, ys, strict=True))


def _curve(line: Line, strong: Series, x: Axis, y: Axis) -> Element:
    group = element("g", class_=f"curve c{line.colour % COLOURS}")
    if line.smooth:
        thin = line.series.thinned(_POINTS)
        places = [x.place(step) for step in thin.steps]
        highs, lows = ([y.place(v) for v in values] for values in (thin.highs, thin.lows))
        band = path([*places, *places[::-1]], [*highs, *lows[::-1]]) + "Z"
        group.append(element("path", d=band, class_="band"))
        group.append(
            element("path", d=path(places, [y.place(v) for v in thin.means]), class_="raw")
        )
    thin = strong.thinned(_POINTS)
    places = [x.place(step) for step in thin.steps]
    group.append(element("path", d=path(places, [y.place(v) for v in thin.means]), class_="line"))
    if not line.smooth and len(thin.steps) <= 20:
        for place, value in zip(places, thin.means, strict=True):
            group.append(element("circle", cx=_round(place), cy=_round(y.place(value)), r=2.5))
    return group


def _markers(events: Sequence[Event], x: Axis) -> Element:
    group = element("g", class_="events")
    for event in events:
        place = _round(x.place(event.step))
        label = tr("step {step}: {event}", step=int(event.step), event=event.kind)
        group.append(
            element(
                "g",
                element("title", f"{label} ({event.details})" if event.details else label),
                element("line", x1=place, x2=place, y1=TOP, y2=BOTTOM),
                element("path", d=f"M{place - 4},{TOP - 8}h8l-4,7z"),
            )
        )
    return group


def _values_axis(lines: Sequence[Line], strong: Sequence[Series], style: Style) -> Axis:
    values = np.concatenate([_visible(line, s) for line, s in zip(lines, strong, strict=True)])
    if style.cut_start:
        later = np.concatenate(
            [_visible(line, s, _START_SHARE) for line, s in zip(lines, strong, strict=True)]
        )
        if len(later) and np.ptp(values) > _MUCH_TALLER * np.ptp(later) > 0:
            values = later
    return fitting(values, BOTTOM, TOP, logarithmic=style.logarithmic, from_zero=style.from_zero)


def _visible(line: Line, strong: Series, from_share: float = 0.0) -> Floats:
    start = math.floor(from_share * len(strong))
    kept = [Series(strong.steps[start:], strong.values[start:]).finite]
    if line.smooth and len(line.series) > start:
        thin = Series(line.series.steps[start:], line.series.values[start:]).thinned(_POINTS)
        kept += [thin.lows, thin.highs]
    return np.concatenate(kept)


def _round(place: float) -> float:
    return round(place, 1)
