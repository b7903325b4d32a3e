"""Draw what the score of a zone is made of, for one zone or for many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

import numpy as np
import pandas as pd

from needs.charts import words as w
from needs.charts.bars import Bar, bar_list, label_column, swatch, tick_sample, write_label
from needs.charts.chart import Chart
from needs.charts.drawing import LINE, MARGIN, PALETTE, SMALL, TEXT, WIDTH, Drawing, Scale, ink_on, nothing, scale
from needs.charts.tables import Columns

_FEW, _MANY = 12, 40  # stacked bars up to the first hold their values, over the second they are thin
_INSIDE = 10.5  # size of values within bars


@dataclass(frozen=True)
class _Part:
    """What one part (a domain) gives to the score of one zone; NaN is no value."""

    at: int
    name: str
    value: float
    against: float


@dataclass(frozen=True)
class _Zone:
    """A zone and its parts, in the order of the index."""

    name: str
    parts: list[_Part]

    @property
    def known(self) -> list[_Part]:
        return [p for p in self.parts if not math.isnan(p.value)]

    @property
    def total(self) -> float:
        return fsum(p.value for p in self.known) if self.known else math.nan


def contribution_bars(
    rows: pd.DataFrame,
    *,
    title: str,
    zone: str = "lsoa21cd",
    part: str = "domain",
    value: str = "contribution",
    comparison_label: str = "England's median",
    unit: str = " points",
    width: float = WIDTH,
) -> Chart:
    """Draw what the scores of zones are made of: one bar per part for one zone, one stacked bar per zone for several.

    The values of a zone add up to its score. Parts stand in the order in which they first come in the table (or in
    the order of their categories), zones in the order of the table.

    Parameters
    ----------
    rows
        Tidy, as `NeedIndex.contributions` gives them: one row per zone and part, or several, which are summed (the
        indicators of a domain). Columns `zone`, `part` and `value`; optional `zone_name`, `<part>_label`, and
        `comparison` (the nation's value of the part, drawn as a tick where there is one zone only).
    title
        What the chart says.
    zone, part, value
        Names of the columns.
    comparison_label
        What the tick is.
    unit
        What follows a value.
    width
        Of the drawing, in units.

    Raises
    ------
    InputError
        With every fault: columns missing or not numbers, a part of a zone with two comparisons, more than 2,000 rows.
    """
    columns = Columns(rows, "contribution_bars")
    compared = columns.has("comparison")
    codes, parts, values = columns.words(zone), columns.words(part), columns.numbers(value).tolist()
    against = columns.numbers("comparison").tolist() if compared else [math.nan] * len(codes)
    names, part_names = columns.labels("zone_name", zone), columns.labels(f"{part}_label", part)
    sums: dict[str, dict[str, list[int]]] = {}
    for i, (code, key) in enumerate(zip(codes, parts, strict=True)):
        sums.setdefault(code, {}).setdefault(key, []).append(i)
    twice = [
        (f"zone {code!r}, part {key!r}", "has two comparisons")
        for code, of in sums.items()
        for key, at in of.items()
        if len({str(against[i]) for i in at}) > 1
    ]
    columns.faults.add_each("chart 'contribution_bars', column 'comparison'", twice, "give one for each part")
    columns.raise_if_any()
    order = list(dict.fromkeys(parts))
    kind = columns.table[part].dtype
    if isinstance(kind, pd.CategoricalDtype):
        order.sort(key=[w.clean(c) for c in kind.categories].index)
    called = dict(zip(reversed(parts), reversed(part_names), strict=True))
    zones, written = [], []
    for code, of in sums.items():
        made = []
        for key in sorted(of, key=order.index):
            total = fsum(values[i] for i in of[key])
            made.append(_Part(order.index(key), called[key], total, against[of[key][0]]))
            written.append((code, names[of[key][0]], key, called[key], total, against[of[key][0]]))
        zones.append(_Zone(names[next(iter(of.values()))[0]], made))
    data = pd.DataFrame(written, columns=["zone", "zone_name", "part", "part_name", "value", "comparison"])
    data = data.astype({"value": float, "comparison": float})
    headings = ["Zone", "Name", "Part", "Name of the part", f"Contribution,{unit}".rstrip(","), comparison_label]
    if not compared:
        data, headings = data.drop(columns="comparison"), headings[:-1]
    if not zones:
        return nothing(title, data, headings, width)
    drawing = Drawing(width)
    if len(zones) == 1:
        bottom, said = _one_zone(drawing, zones[0], unit, comparison_label)
    else:
        bottom, said = _stacks(drawing, zones, [called[key] for key in order], unit)
    return drawing.finish(bottom, title=title, description=said, data=data, headings=headings)


def _one_zone(drawing: Drawing, zone: _Zone, unit: str, comparison_label: str) -> tuple[float, str]:
    """Draw one zone's parts as a list of bars; return where it ends, and the finding."""
    places = _places([zone])
    made = []
    for p in zone.parts:
        compared = "" if math.isnan(p.against) else f" ({comparison_label} {w.number(p.against, places)})"
        hover = f"{p.name}: {w.with_unit(p.value, places, unit)}{compared}"
        made.append(Bar(p.name, p.value, hover, against=p.against))
    some = any(not math.isnan(p.against) for p in zone.parts)
    y = drawing.key(MARGIN, [(tick_sample(drawing), comparison_label)] if some else [])
    y = bar_list(drawing, y, made, unit="", decimals=places)
    lost = len(zone.parts) - len(zone.known)
    without = f" without {w.plural(lost, 'part')} that {'has' if lost == 1 else 'have'} {w.NO_VALUE}" if lost else ""
    total = w.with_unit(zone.total, places, unit)
    drawing.text(MARGIN, y + TEXT, f"Score: {total}, the sum of the bars", bold=True)
    if lost:
        y += LINE
        drawing.text(MARGIN, y + TEXT, without.strip(), size=SMALL, faint=True)
    said = f"{w.brief(zone.name)}: score {total}{without}."
    if zone.known:
        top, least = (pick(zone.known, key=lambda p: p.value) for pick in (max, min))
        said += f" The most comes from {w.brief(top.name)}, {w.number(top.value, places)}"
        said += "" if math.isnan(top.against) else f" ({w.clean(comparison_label)} {w.number(top.against, places)})"
        said += (
            f"; the least from {w.brief(least.name)}, {w.number(least.value, places)}" if len(zone.known) > 1 else ""
        )
        said += "."
    return y + TEXT + 6, said


def _stacks(drawing: Drawing, zones: Sequence[_Zone], parts: Sequence[str], unit: str) -> tuple[float, str]:
    """Draw one stacked bar per zone; parts below zero stack to the left. Return where it ends, and the finding."""
    places = _places(zones)
    ends = [fsum(p.value for p in z.known if (p.value < 0) == below) for z in zones for below in (False, True)]
    totals = []
    for z in zones:
        lost = len(z.parts) - len(z.known) if z.known else 0
        totals.append(w.number(z.total, places) + (f" ({lost} {w.NO_VALUE})" if lost else ""))
    y = drawing.key(MARGIN, [(swatch(drawing, at), name) for at, name in enumerate(parts)])
    left, above = label_column(drawing, [z.name for z in zones])
    reserve = min(max(w.text_width(t, SMALL, bold=True) for t in totals) + 8, 0.4 * drawing.width)
    place = scale([0.0, *ends], left, drawing.width - reserve - MARGIN)
    thick = 11.0 if len(zones) > _MANY else 17.0
    for z, total in zip(zones, totals, strict=True):
        y = write_label(drawing, y, z.name, thick, left=left, above=above)
        end = _stack(drawing, place, y, thick, z, places, unit, values=len(zones) <= _FEW)
        drawing.text(end + 5, y + thick / 2 + 4, total, size=SMALL, bold=True)
        drawing.line(place(0), y - 2, place(0), y + thick + 2, stroke_opacity=0.6)
        y += thick + 7
    drawing.line(place.start, y - 4, place.end, y - 4, stroke_opacity=0.6)
    bottom = drawing.axis_x(place, y - 4, y) + 2
    said = f"{w.plural(len(zones), 'zone')}."
    known = [z for z in zones if z.known]
    if known:
        words = []
        for word, z in (("Highest", max(known, key=lambda z: z.total)), ("lowest", min(known, key=lambda z: z.total))):
            most = max(z.known, key=lambda p: p.value)
            words.append(
                f"{word}: {w.brief(z.name)}, {w.with_unit(z.total, places, unit)},"
                f" largest part {w.brief(most.name)} ({w.number(most.value, places)})"
            )
        said += f" {'; '.join(words)}."
    lost = sum(len(z.known) < len(z.parts) for z in zones)
    return bottom, said + (f" A part of {w.plural(lost, 'zone')} has {w.NO_VALUE}." if lost else "")


def _stack(
    drawing: Drawing, place: Scale, y: float, thick: float, zone: _Zone, places: int, unit: str, *, values: bool
) -> float:
    """Draw the parts of a zone one after the other; return where they end on the right."""
    reach = {False: 0.0, True: 0.0}
    for p in zone.known:
        below = p.value < 0
        start, reach[below] = reach[below], reach[below] + p.value
        x1, x2 = sorted((place(start), place(reach[below])))
        hover = f"{zone.name}, {p.name}: {w.with_unit(p.value, places, unit)}"
        fill = drawing.fill(p.at)
        drawing.add("rect", hover, class_="chart-mark", x=x1, y=y, width=x2 - x1, height=thick, fill=fill)
        inside = w.number(p.value, places)
        if values and w.text_width(inside, _INSIDE) + 4 <= x2 - x1:
            colour = PALETTE[p.at % len(PALETTE)]
            middle, base = (x1 + x2) / 2, y + thick / 2 + 4
            drawing.text(middle, base, inside, size=_INSIDE, anchor="middle", ink=ink_on(colour), halo=colour)
    return place(reach[False])


def _places(zones: Sequence[_Zone]) -> int:
    """One decimal for points of a score, more only where all are small."""
    values = np.array([p.value for z in zones for p in z.known])
    return 1 if not len(values) or np.abs(values).max() >= 1 else w.decimals_for(values.tolist())
