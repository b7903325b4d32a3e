"""Draw bars from zero: shares against shares, estimates with their intervals, changes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from needs.charts import words as w
from needs.charts.chart import Chart
from needs.charts.drawing import LINE, MARGIN, SMALL, TEXT, WIDTH, Drawing, Scale, nothing, scale
from needs.charts.tables import Columns

_NAN = math.nan
_INLINE = 0.36  # labels wider than this share of the drawing stand above their bars
_MOST = 0.28  # of the drawing, for the values at either side

Sample = Callable[[float, float], None]


@dataclass(frozen=True)
class Bar:
    """One bar: its value, its interval, and what it is compared with (NaN for none)."""

    label: str
    value: float
    hover: str
    series: int = 0
    low: float = _NAN
    high: float = _NAN
    against: float = _NAN

    @property
    def ends(self) -> list[float]:
        """All that is drawn of it."""
        return [v for v in (self.value, self.low, self.high, self.against) if not math.isnan(v)]


def bars(
    table: pd.DataFrame,
    *,
    title: str,
    unit: str = "",
    decimals: int | None = None,
    reference: float | None = None,
    reference_label: str = "reference",
    interval_label: str = "90% interval",
    label_label: str = "Item",
    value_label: str = "Value",
    width: float = WIDTH,
) -> Chart:
    """Draw horizontal bars from zero, in the order of the table, with intervals and a line to compare with.

    Parameters
    ----------
    table
        One row per bar: `label`, `value`; optional `series` (bars of a label stand together, one pattern per series)
        and `low` and `high` (ends of the interval). NaN is written "no value".
    title
        What the chart says.
    unit
        What follows every value, such as "%" or " points".
    decimals
        Of the values written; chosen from the values when None.
    reference, reference_label
        Value of a line through all bars, and what it is.
    interval_label
        What the whiskers are.
    label_label, value_label
        Headings of the labels and values in the table twin.
    width
        Of the drawing, in units.

    Raises
    ------
    InputError
        With every fault: columns missing or not numbers, a label twice in a series, an interval upside down, more
        than 2,000 rows.
    """
    columns = Columns(table, "bars")
    has = {"series": columns.has("series"), "low": columns.has("low"), "high": columns.has("high")}
    has["low"] = has["high"] = has["low"] or has["high"]
    labels, value = columns.words("label"), columns.numbers("value")
    series = columns.words("series") if has["series"] else [""] * len(labels)
    low, high = (columns.numbers(c) if has[c] else np.full(len(labels), _NAN) for c in ("low", "high"))
    columns.order("low", "high", low, high)
    columns.unique(
        "label", [f"{label} / {kind}" if kind else label for label, kind in zip(labels, series, strict=True)]
    )
    columns.raise_if_any()
    every = pd.DataFrame({"label": labels, "series": series, "value": value, "low": low, "high": high})
    headings = {
        "label": label_label,
        "series": "Series",
        "value": value_label,
        "low": f"{interval_label}, low",
        "high": f"{interval_label}, high",
    }
    shown = [c for c in headings if has.get(c, True)]
    data, heads = every[shown], [headings[c] for c in shown]
    if data.empty:
        return nothing(title, data, heads, width)
    places = w.decimals_for([*value, *low, *high]) if decimals is None else decimals
    kinds = list(dict.fromkeys(series))
    made: list[Bar] = []
    for label, kind, v, a, z in zip(labels, series, value.tolist(), low.tolist(), high.tolist(), strict=True):
        hover = f"{label}{f' ({kind})' if kind else ''}: {w.with_unit(v, places, unit)}"
        if not math.isnan(a + z):
            hover += f", {interval_label} {w.span(a, z, places)}{unit}"
        made.append(Bar(label, v, hover, kinds.index(kind), a, z))
    drawing = Drawing(width)
    items: list[tuple[Sample, str]] = [(swatch(drawing, k), kind) for k, kind in enumerate(kinds) if len(kinds) > 1]
    if not np.isnan(low + high).all():
        items.append((_whisker_sample(drawing), interval_label))
    if reference is not None:
        items.append((_line_sample(drawing), f"{reference_label}: {w.with_unit(reference, places, unit)}"))
    bottom = bar_list(drawing, drawing.key(MARGIN, items), made, unit=unit, decimals=places, reference=reference)
    said = _say(made, kinds, places, unit)
    if reference is not None:
        known = [b.value for b in made if not math.isnan(b.value)]
        over = sum(round(v, places) > round(reference, places) for v in known)  # as written
        said += f" {over:,} of {len(known):,} {'is' if over == 1 else 'are'} over"
        said += f" {w.with_unit(reference, places, unit)} ({w.brief(w.clean(reference_label))})."
    return drawing.finish(bottom, title=title, description=said, data=data, headings=heads)


def bar_list(
    drawing: Drawing,
    y: float,
    made: Sequence[Bar],
    *,
    unit: str,
    decimals: int,
    reference: float | None = None,
) -> float:
    """Draw bars from y down, those of one label together, values at their ends; return where the axis ends."""
    groups: dict[str, list[Bar]] = {}
    for b in made:
        groups.setdefault(b.label, []).append(b)
    left, above = label_column(drawing, list(groups))
    reserve = {True: 0.0, False: 0.0}
    for b in made:
        side = not b.value < 0
        reserve[side] = max(reserve[side], w.text_width(w.with_unit(b.value, decimals, unit), SMALL) + 8)
    reserve = {side: min(r, _MOST * drawing.width) for side, r in reserve.items()}
    ends = [e for b in made for e in b.ends] + ([] if reference is None else [reference])
    place = scale([0.0, *ends], left + reserve[False], drawing.width - reserve[True] - MARGIN)
    top, thick = y, 16.0 if len(groups) == len(made) else 13.0
    for label, group in groups.items():
        tall = (thick + 2) * len(group) - 2
        y = write_label(drawing, y, label, tall, left=left, above=above)
        for k, b in enumerate(group):
            written = w.with_unit(b.value, decimals, unit)
            _one_bar(drawing, place, y + k * (thick + 2), thick, b, written, reference)
        drawing.line(place(0), y - 2, place(0), y + tall + 2, stroke_opacity=0.6)
        y += tall + 9
    bottom = y - 4
    if reference is not None:
        x = place(reference)
        drawing.line(x, top - 2, x, bottom, stroke_width=1.6, stroke_dasharray="5 3", class_="chart-reference")
    if not ends:
        return bottom + 2
    drawing.line(place.start, bottom, place.end, bottom, stroke_opacity=0.6)
    return drawing.axis_x(place, bottom, bottom + 4, unit=unit if len(unit) < 3 else "") + 2


def _one_bar(
    drawing: Drawing, place: Scale, y: float, thick: float, b: Bar, written: str, reference: float | None
) -> None:
    """Draw a bar, its interval and its tick; its value stands beyond all of them, and clear of the reference line."""
    middle, ends = y + thick / 2, [place(0), *map(place, b.ends)]
    if not math.isnan(b.value):
        x1, x2 = sorted((place(0), place(b.value)))
        fill = drawing.fill(b.series)
        drawing.add("rect", b.hover, class_="chart-mark", x=x1, y=y, width=x2 - x1, height=thick, fill=fill)
    if not math.isnan(b.low + b.high):
        d = _whisker(place(b.low), place(b.high), middle)
        drawing.add("path", b.hover, class_="chart-interval", d=d, stroke="currentColor", stroke_width=1.5, fill="none")
    if not math.isnan(b.against):
        x = place(b.against)
        drawing.line(x, y - 2, x, y + thick + 2, stroke_width=3.0, class_="chart-tick")
    side = -1 if b.value < 0 else 1
    x, wide = (min(ends) if side < 0 else max(ends)) + 5 * side, w.text_width(written, SMALL)
    if reference is not None and -3 < (place(reference) - x) * side < wide + 3:
        x = place(reference) + 5 * side
    anchor = "end" if side < 0 else "start"
    drawing.text(x, middle + 4, written, size=SMALL, anchor=anchor, faint=math.isnan(b.value))


def label_column(drawing: Drawing, labels: Sequence[str]) -> tuple[float, bool]:
    """Where bars begin, and whether labels stand above them for want of room."""
    widest = max((w.text_width(label, TEXT) for label in labels), default=0.0)
    above = widest > _INLINE * drawing.width
    return (MARGIN if above else MARGIN + widest + 7), above


def write_label(drawing: Drawing, y: float, label: str, tall: float, *, left: float, above: bool) -> float:
    """Write the label of a bar above it or before it; return where the bar begins."""
    if above:
        drawing.text(MARGIN, y + TEXT - 1, label)
        return y + LINE + 1
    drawing.text(left - 7, y + tall / 2 + 4.5, label, anchor="end")
    return y


def _say(made: Sequence[Bar], kinds: Sequence[str], places: int, unit: str) -> str:
    said = f"{w.plural(len({b.label for b in made}), 'item')}."
    known = [[b for b in made if b.series == k and not math.isnan(b.value)] for k in range(len(kinds))]
    for kind, mine in zip(kinds, known, strict=True):
        if mine:
            top, least = max(mine, key=lambda b: b.value), min(mine, key=lambda b: b.value)
            said += f" {w.sentence(w.brief(kind)) + ': h' if kind else 'H'}ighest {_named(top, places, unit)}"
            said += f"; lowest {_named(least, places, unit)}." if len(mine) > 1 else "."
    if len(kinds) == 2:
        other = {b.label: b for b in known[1]}
        pairs = [(b, other[b.label]) for b in known[0] if b.label in other]
        if pairs:
            one, two = max(pairs, key=lambda p: abs(p[0].value - p[1].value))
            said += f" Widest apart: {_named(one, places, unit)} against {w.with_unit(two.value, places, unit)}."
    return said + w.gaps(sum(math.isnan(b.value) for b in made), "bar")


def _named(b: Bar, places: int, unit: str) -> str:
    return f"{w.brief(b.label)}, {w.with_unit(b.value, places, unit)}"


def swatch(drawing: Drawing, series: int) -> Sample:
    """Sample of a series for a key."""
    return lambda x, y: drawing.swatch(x, y, series)


def tick_sample(drawing: Drawing) -> Sample:
    """Sample of the tick of a comparison for a key."""
    return lambda x, y: drawing.line(x + 11, y - 7, x + 11, y + 7, stroke_width=3.0)


def _line_sample(drawing: Drawing) -> Sample:
    return lambda x, y: drawing.line(x + 11, y - 8, x + 11, y + 8, stroke_width=1.6, stroke_dasharray="5 3")


def _whisker_sample(drawing: Drawing) -> Sample:
    return lambda x, y: drawing.add(
        "path", d=_whisker(x, x + 22, y), stroke="currentColor", stroke_width=1.5, fill="none"
    )


def _whisker(low: float, high: float, y: float) -> str:
    a, z, top = w.coordinate(low), w.coordinate(high), w.coordinate(y - 3)
    return f"M{a},{w.coordinate(y)}H{z}M{a},{top}v6M{z},{top}v6"
