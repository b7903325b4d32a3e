"""Draw the rank of every zone with its interval: which are surely among the worst fifth, which may be."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass

import pandas as pd

from needs.charts import words as w
from needs.charts.chart import Chart
from needs.charts.drawing import LINE, MARGIN, SMALL, WIDTH, Drawing, Scale, Value, element, marker, nothing
from needs.charts.tables import Columns
from needs.errors import InputError, fail

_THIN = 60  # rows over this lose their labels
_TALL = 600.0  # of all rows together, where there are so many
_CLASSES = {"in": ("circle", "#b3432b"), "maybe": ("diamond", "#7a52b8"), "out": ("ring", "#3a93d4")}
_MEANT = {"in": "in", "maybe": "in or out", "out": "out", "": w.NO_VALUE}


@dataclass(frozen=True)
class _Row:
    """A zone's rank and interval, and its class: in, maybe or out of the worst; empty without a rank."""

    zone: str
    rank: float
    low: float
    high: float
    kind: str


def rank_intervals(
    table: pd.DataFrame,
    *,
    title: str,
    n: int,
    worst_share: float = 0.2,
    rank: str = "rank_median",
    low: str = "rank_low",
    high: str = "rank_high",
    interval_label: str = "5th to 95th percentile",
    width: float = WIDTH,
) -> Chart:
    """Draw the rank of every zone with its interval, and which zones are surely among the worst fifth.

    Rows stand in the order of rank. The line of the worst fifth lies between its last rank and the next. A filled
    circle has its whole interval on the side of most need, a ring on the other, a diamond crosses the line. Over 60
    zones rows are thin and without labels; hovering over a mark still names it.

    Parameters
    ----------
    table
        One row per zone: `lsoa21cd` (index or column), optional `zone_name`; columns `rank`, `low` and `high`, 1 =
        most need. A zone without a rank is written "no value"; one without an interval stands at its rank.
    title
        What the chart says.
    n
        Number of zones that are ranked.
    worst_share
        Share of the `n` zones that counts as worst.
    rank, low, high
        Names of the columns.
    interval_label
        What the line of a row is.
    width
        Of the drawing, in units.

    Raises
    ------
    InputError
        With every fault: columns missing, ranks below 1 or over `n`, an interval upside down, a zone twice, more than
        2,000 zones.
    """
    if n < 1 or not 0 < worst_share < 1:
        what = f"{n} zones and a worst share of {worst_share}"
        fail(InputError, "chart 'rank_intervals'", what, "give at least 1 zone, and a share between 0 and 1")
    columns = Columns(table, "rank_intervals")
    names = columns.zones()
    middle, lower, upper = (columns.numbers(c, low=1, high=n) for c in (rank, low, high))
    columns.order(low, high, lower, upper)
    columns.raise_if_any()
    line = math.floor(n * worst_share + 1e-9) + 0.5  # the rule of the published deciles: rank / (n / 5), rounded up
    rows = sorted(
        (
            _Row(name, m, a, z, _class(m, a, z, line))
            for name, m, a, z in zip(names, middle.tolist(), lower.tolist(), upper.tolist(), strict=True)
        ),
        key=lambda r: (math.isnan(r.rank), 0.0 if math.isnan(r.rank) else r.rank, str(r.low), str(r.high), r.zone),
    )
    worst = w.share_words(worst_share)
    data = pd.DataFrame(map(astuple, rows), columns=["zone", "rank", "low", "high", "class"]).astype(
        {"rank": float, "low": float, "high": float}
    )
    data["class"] = data["class"].map(_MEANT)
    headings = ["Zone", "Rank (1 = most need)", f"{interval_label}, low", f"{interval_label}, high", f"Worst {worst}"]
    if not rows:
        return nothing(title, data, headings, width)
    drawing = Drawing(width)
    keys = {"in": "surely in", "maybe": "may be in or out", "out": "surely out"}
    found = {r.kind for r in rows}
    items = [(_sample(drawing, c), words) for c, words in keys.items() if c in found]
    bottom = _caterpillar(drawing, rows, drawing.key(MARGIN, items, 18), line, n, worst)
    return drawing.finish(bottom, title=title, description=_say(rows, n, worst), data=data, headings=headings)


def _class(rank: float, low: float, high: float, line: float) -> str:
    known = [v for v in (rank, low, high) if not math.isnan(v)]
    if math.isnan(rank):
        return ""
    if max(known) < line:
        return "in"
    return "out" if min(known) > line else "maybe"


def _caterpillar(drawing: Drawing, rows: Sequence[_Row], y: float, line: float, n: int, worst: str) -> float:
    """Draw the rows, the line of the worst and the axis; return where it ends."""
    thin = len(rows) > _THIN
    tall = max(3.0, min(6.0, _TALL / len(rows))) if thin else 18.0
    left = MARGIN + 6
    if not thin:
        left += min(max(w.text_width(r.zone, SMALL) for r in rows), 0.4 * drawing.width) + 4
    place = Scale(1, max(n, 2), left, drawing.width - MARGIN - 8)
    ranked = [r for r in rows if r.kind or not thin]
    top = y + LINE + 2
    bottom, at = top + tall * len(ranked) + 4, max(place.start - 6, min(place(line), place.end + 6))
    wash: dict[str, Value] = {"fill": "currentColor", "fill_opacity": 0.07}
    drawing.add("rect", x=left - 6, y=top, width=max(at - left + 6, 0), height=bottom - top, **wash)
    last = math.floor(line)
    words = f"worst {worst}: rank {w.span(1, last, 0) if last > 1 else 1}" if last else f"no zone is the worst {worst}"
    half = w.text_width(words, SMALL) / 2
    centre = min(max(at, half + MARGIN), drawing.width - half - MARGIN)
    drawing.text(centre, y + SMALL, words, size=SMALL, anchor="middle")
    ticks = sorted({1.0, *(t for t in Scale(0, n, place(1), place.end).ticks(4)[0] if t >= 1)})
    end = drawing.axis_x(place, top, bottom, ticks=ticks)
    for k, row in enumerate(ranked):
        _row(drawing, row, place, top + 2 + k * tall, tall, at, thin=thin)
    drawing.line(at, top, at, bottom, stroke_width=1.4, stroke_dasharray="5 3", class_="chart-boundary")
    middle = (left + place.end) / 2
    drawing.text(middle, end + SMALL, f"Rank among {n:,} (1 = most need)", size=SMALL, anchor="middle", faint=True)
    end += LINE
    lost = len(rows) - len(ranked)
    if lost:
        drawing.text(MARGIN, end + SMALL, f"{w.plural(lost, 'zone')}: {w.NO_VALUE}", size=SMALL, faint=True)
        end += LINE
    return end + 4


def _row(drawing: Drawing, row: _Row, place: Scale, y: float, tall: float, boundary: float, *, thin: bool) -> None:
    left, middle = place.start, y + tall / 2
    if not thin:
        drawing.text(left - 9, middle + 4, row.zone, size=SMALL, anchor="end", limit=left - 9 - MARGIN)
    if not row.kind:
        clear = left if boundary - left > w.text_width(w.NO_VALUE, SMALL) + 4 else boundary + 5
        drawing.text(clear, middle + 4, w.NO_VALUE, size=SMALL, faint=True)
        return
    (shape, colour), r = _CLASSES[row.kind], min(4.6, max(1.8, tall * 0.42))
    hover = f"{row.zone}: rank {w.number(row.rank, 0)}"
    across = place.end - left + 12
    inside = element("rect", x=left - 6, y=y, width=across, height=tall, fill="none", pointer_events="all")
    if not math.isnan(row.low + row.high):
        hover += f", {w.span(row.low, row.high, 0)}"
        d = _interval(place(row.low), place(row.rank), place(row.high), middle, r if shape == "ring" else 0.0)
        thick = min(2.4, tall * 0.5)
        inside += (
            element("path", class_="chart-interval", d=d, fill="none", stroke=colour, stroke_width=thick) if d else ""
        )
    drawing.add("g", hover, inside + marker(shape, place(row.rank), middle, r, colour))


def _interval(low: float, at: float, high: float, y: float, clear: float) -> str:
    """Path of an interval that does not cross a hollow marker."""
    pieces = [(a, z) for a, z in ((low, min(at - clear, high)), (max(at + clear, low), high)) if z > a]
    return "".join(f"M{w.coordinate(a)},{w.coordinate(y)}H{w.coordinate(z)}" for a, z in pieces)


def _say(rows: Sequence[_Row], n: int, worst: str) -> str:
    here, maybe, out = (sum(r.kind == c for r in rows) for c in ("in", "maybe", "out"))
    said = f"{w.plural(here + maybe + out, 'zone')} ranked among {n:,}: {here:,} surely in the worst {worst},"
    said += f" {maybe:,} may be in or out, {out:,} surely out."
    wide = [r for r in rows if not math.isnan(r.low + r.high)]
    if wide:
        most = max(wide, key=lambda r: r.high - r.low)
        said += f" The widest interval is that of {w.brief(most.zone)}: {w.span(most.low, most.high, 0)}."
    return said + w.gaps(sum(not r.kind for r in rows), "zone")


def _sample(drawing: Drawing, kind: str) -> Callable[[float, float], None]:
    shape, colour = _CLASSES[kind]
    return lambda x, y: drawing.parts.append(marker(shape, x + 7, y, 4.6, colour, class_=None))
