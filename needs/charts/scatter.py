"""Draw every zone's place in the nation against its rank in the area."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass

import numpy as np
import pandas as pd

from needs.charts import words as w
from needs.charts.chart import Chart
from needs.charts.drawing import GRID, LINE, MARGIN, SHAPES, SMALL, WIDTH, Drawing, Scale, marker, nothing, scale
from needs.charts.placing import Placer
from needs.charts.tables import Columns, Floats

_PLAIN = ("circle", "#2073bc")
_FLAGGED = tuple(zip(SHAPES[1:], ("#e0751a", "#007f5f", "#d5679a", "#7a52b8", "#8c5a3c"), strict=True))
_SPREAD = 0.1  # of the plot: named zones are at least so far apart
_TALL, _BROAD = 0.8, 450.0  # height of the plot per width, up to this width

Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class _Zone:
    """A zone's place in the nation (x) and rank in the area (y), with its flag."""

    name: str
    x: float
    y: float
    flag: str


def national_local(
    table: pd.DataFrame,
    *,
    title: str,
    x: str = "percentile",
    y: str = "rank_area",
    n: int | None = None,
    x_fifths: Sequence[float] | None = None,
    x_label: str = "Percentile in the nation (1 = most need)",
    y_label: str = "Rank in the area (1 = most need)",
    labels: int = 5,
    width: float = WIDTH,
) -> Chart:
    """Draw every zone's place in the nation against its rank in the area, with lines at the fifths of both.

    A zone can be first in its area and yet ordinary in the nation. Most need is at the top right.

    Parameters
    ----------
    table
        One row per zone: `lsoa21cd` (index or column), optional `zone_name`, columns `x` and `y`; optional `flag`,
        words such as "imputed" that give a zone another marker (empty or False for none).
    title
        What the chart says.
    x
        Column of the national percentile (0 to 1) or score, more = more need.
    y
        Column of the rank in the area, 1 = most need.
    n
        Number of zones ranked in the area; the highest rank, or the number of rows where that is more, when None.
    x_fifths
        Values of `x` where the nation's fifths meet; 0.2, 0.4, 0.6 and 0.8 when None and no value is beyond 0 to 1.
    x_label, y_label
        What the axes are.
    labels
        How many zones are named, where there is room: the first of the area, and those farthest from the middle.
    width
        Of the drawing, in units.

    Raises
    ------
    InputError
        With every fault: columns missing, ranks below 1 or over `n`, a zone twice, more than 2,000 zones.
    """
    columns = Columns(table, "national_local")
    names = columns.zones()
    across, ranks = columns.numbers(x).tolist(), columns.numbers(y, low=1, high=n or 1e12).tolist()
    flags = columns.words("flag") if columns.has("flag") else [""] * len(names)
    columns.raise_if_any()
    flags = ["" if f == "False" else "flagged" if f == "True" else f for f in flags]
    zones = [_Zone(*z) for z in zip(names, across, ranks, flags, strict=True)]
    data = pd.DataFrame(map(astuple, zones), columns=["zone", "x", "y", "flag"]).astype({"x": float, "y": float})
    headings = ["Zone", x_label, y_label, "Note"]
    known = [z for z in zones if not math.isnan(z.x + z.y)]
    if not known:
        return nothing(title, data, headings, width)
    last = n or max(len(zones), math.ceil(max(z.y for z in known)))
    share = all(0 <= z.x <= 1 for z in known)
    fifths = ([0.2, 0.4, 0.6, 0.8] if share else []) if x_fifths is None else list(x_fifths)
    drawing, marks = Drawing(width), {"": _PLAIN}
    for i, flag in enumerate(dict.fromkeys(z.flag for z in known if z.flag)):
        marks[flag] = _FLAGGED[i % len(_FLAGGED)]
    items = [(_sample(drawing, *mark), flag or "no note") for flag, mark in marks.items()]
    top = drawing.key(MARGIN, items if len(items) > 1 else [], 18)
    drawing.text(MARGIN, top + SMALL, y_label, size=SMALL, faint=True)
    top += LINE + 4
    left = MARGIN + w.text_width(w.number(last, 0), SMALL) + 12
    right = drawing.width - MARGIN
    bottom = top + _TALL * (min(drawing.width, _BROAD) - left)
    place_x = scale([*(z.x for z in known), *fifths, *([0.0, 1.0] if share else [])], left + 6, right - 8)
    place_y = Scale(1, max(last, 2), top + 16, bottom - 8)
    _fifth_lines(drawing, place_x, place_y, fifths, last, (left, top, right, bottom))
    places = _decimals(known, share=share)
    for z in known:
        hover = f"{z.name}: {x_label} {w.number(z.x, places)}, {y_label} {w.number(z.y, 0)}"
        drawing.parts.append(
            marker(*_at(marks[z.flag], place_x(z.x), place_y(z.y)), hover + (f", {z.flag}" if z.flag else ""))
        )
    points = np.array([(place_x(z.x), place_y(z.y)) for z in known])
    _name_outermost(drawing, [z.name for z in known], points, labels, (left, top, right, bottom))
    end = drawing.axis_x(place_x, bottom, bottom + 4)
    middle = (left + right) / 2
    drawing.text(middle, end + SMALL, x_label, size=SMALL, anchor="middle", faint=True)
    end += LINE
    lost = len(zones) - len(known)
    if lost:
        drawing.text(MARGIN, end + SMALL, f"{w.plural(lost, 'zone')}: {w.NO_VALUE}", size=SMALL, faint=True)
        end += LINE
    said = _say(known, fifths, last, places) + w.gaps(lost, "zone")
    return drawing.finish(end + 4, title=title, description=said, data=data, headings=headings)


def _decimals(known: Sequence[_Zone], *, share: bool) -> int:
    """Decimals of the national place: two for percentiles."""
    return 2 if share else w.decimals_for(z.x for z in known)


def _at(mark: tuple[str, str], x: float, y: float) -> tuple[str, float, float, float, str]:
    return mark[0], x, y, 3.8, mark[1]


def _fifth_lines(
    drawing: Drawing, place_x: Scale, place_y: Scale, fifths: Sequence[float], last: int, box: Box
) -> None:
    """Draw the plot's edges, the lines where fifths meet, and the ranks at the left."""
    left, top, right, bottom = box
    drawing.line(left, top, left, bottom, stroke_opacity=0.6)
    drawing.line(left, bottom, right, bottom, stroke_opacity=0.6)
    edges = sorted({math.floor(k * last / 5 + 1e-9) for k in range(1, 5)} - {0})
    ends = [(place_x(v), top, place_x(v), bottom) for v in fifths]
    ends += [(left, place_y(e + 0.5), right, place_y(e + 0.5)) for e in edges]
    for x1, y1, x2, y2 in ends:
        drawing.line(x1, y1, x2, y2, stroke_opacity=GRID + 0.15, stroke_dasharray="4 3", class_="chart-fifth")
    for value in sorted({1, *edges, last} if last > 5 else {1, last}):
        drawing.text(left - 5, place_y(value) + 4, w.number(value, 0), size=SMALL, anchor="end", faint=True)


def _name_outermost(drawing: Drawing, names: Sequence[str], points: Floats, count: int, box: Box) -> None:
    """Name the zones farthest from the middle of all, where a label has room."""
    size = np.array([box[2] - box[0], box[3] - box[1]])
    far = np.hypot(*((points - np.median(points, axis=0)) / size).T)
    far[np.argmin(points[:, 1])] = np.inf  # the first in the area comes first
    placer, named = Placer(drawing, points, box), points[:0]
    for i in np.argsort(-far, kind="stable").tolist():
        if len(named) >= count:
            return
        if len(named) and np.hypot(*((named - points[i]) / size).T).min() < _SPREAD:
            continue
        placer.points = np.delete(points, i, axis=0)
        short = w.shorten(names[i], 0.45 * drawing.width, SMALL)
        if placer.write([(float(points[i, 0]), float(points[i, 1]))], short, 7.0):
            named = np.vstack([named, points[i]])


def _say(known: Sequence[_Zone], fifths: Sequence[float], last: int, places: int) -> str:
    first = min(known, key=lambda z: z.y)
    said = f"{w.plural(len(known), 'zone')}. First in the area is {w.brief(first.name)},"
    said += f" at {w.number(first.x, places)} in the nation."
    if fifths:
        local = {i for i, z in enumerate(known) if z.y <= math.floor(last / 5 + 1e-9)}
        national = {i for i, z in enumerate(known) if z.x >= max(fifths)}
        said += f" {len(local):,} in the area's worst fifth, {len(local & national):,} of these in the nation's too;"
        said += f" {len(national - local):,} in the nation's alone."
    flagged = [z.flag for z in known if z.flag]
    for flag in dict.fromkeys(flagged):
        said += f" {w.plural(flagged.count(flag), 'zone')}: {w.brief(flag)}."
    return said


def _sample(drawing: Drawing, shape: str, colour: str) -> Callable[[float, float], None]:
    return lambda x, y: drawing.parts.append(marker(shape, x + 7, y, 4.6, colour, class_=None))
