"""Numbers as a person reads them."""

import math

from engine.i18n import tr

_PREFIXES = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))

_SMALL = 0.001


def compact(value: float, unit: str = "") -> str:
    """Return `value` in three figures with a metric prefix: 11.2 M."""
    for size, prefix in _PREFIXES:
        if abs(value) >= 0.9995 * size:
            return f"{figures(value / size)} {prefix}{unit}"
    return f"{figures(value)} {unit}".rstrip()


def tick(value: float) -> str:
    """Return a round value as the mark of an axis, as short as it can be: 2.5k, 4e-4."""
    if value and abs(value) < _SMALL:
        mantissa, exponent = f"{value:.6e}".split("e")
        return f"{float(mantissa):g}e{int(exponent)}"
    for size, prefix in _PREFIXES:
        if abs(value) >= 0.9995 * size:
            return f"{value / size:.6g}{prefix}"
    return f"{value:.6g}"


def reading(value: float) -> str:
    """Return a value as it is read off a chart: four figures, with a prefix where it is large."""
    if abs(value) >= 10_000:
        return compact(value)
    return figures(value, 4) if abs(value) >= _SMALL else tick(float(f"{value:.3g}"))


def figures(value: float, count: int = 3) -> str:
    """Return `value` in `count` significant figures, without an exponent where it is short."""
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    places = count - 1 - math.floor(math.log10(abs(value)))
    if places > count + 2 or places < -6:
        return f"{value:.{count - 1}e}"
    return f"{round(value, places):.{max(0, places)}f}"


def signed_percent(change: float) -> str:
    """Return a relative change: +0.4 %."""
    return f"{100 * change:+.2f} %"


def percent(share: float) -> str:
    """Return a share of 1: 12.5 %."""
    return f"{100 * share:.1f} %"


def duration(seconds: float) -> str:
    """Return a span of time in its two largest units."""
    if seconds < 60:
        return tr("{seconds} s", seconds=figures(seconds, 2))
    minutes = round(seconds / 60)
    if minutes < 60:
        return tr("{minutes} min", minutes=minutes)
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return tr("{hours} h {minutes} min", hours=hours, minutes=minutes)
    days = seconds / 86400
    if days < 3 * 365:
        return tr("{days} days", days=figures(days))
    return tr("{years} years", years=f"{days / 365.25:,.0f}")
