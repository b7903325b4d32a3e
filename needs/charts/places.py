"""Draw where the sites of a plan are: a small map without a background."""

from __future__ import annotations

import math

import pandas as pd

from needs.charts import words as w
from needs.charts.chart import Chart
from needs.charts.drawing import GRID, LINE, MARGIN, SMALL, WIDTH, Drawing, Scale, marker, nothing

# By what a site is in the plan: words, marker, colour, and the order in which they are drawn.
KINDS = {
    "none": ("not in the plan", "ring", "#8c5a3c"),
    "neighbour": ("a neighbour's, open today", "cross", "#7a52b8"),
    "close": ("closes", "ring", "#d5679a"),
    "outreach": ("outreach", "circle", "#e0751a"),
    "hub": ("hub", "square", "#2073bc"),
}
_RADIUS = {"hub": 7.0, "outreach": 5.0}
_TALLEST = 1.3  # height of the map per width at most
_HEADINGS = ("Site", "In the plan", "Easting (m)", "Northing (m)", "Run from")


def places(table: pd.DataFrame, *, title: str, width: float = WIDTH) -> Chart:
    """Draw sites where they are, north at the top, each outreach joined to the hub that runs it.

    Parameters
    ----------
    table
        One row a site: site_id, name, kind (of `KINDS`), x and y (metres, EPSG:27700), parent_hub_id (missing for
        none).
    title
        What the map says.
    width
        In units.
    """
    order = list(KINDS)
    rows = table.assign(rank=table["kind"].map(order.index)).sort_values(["rank", "site_id"], kind="stable")
    names = rows.set_index("site_id")["name"]
    data = rows[["name", "kind", "x", "y"]].assign(run_from=rows["parent_hub_id"].map(names).fillna("").to_numpy())
    data["kind"] = [KINDS[k][0] for k in data["kind"]]
    if rows.empty:
        return nothing(title, data, _HEADINGS, width)
    drawing = Drawing(width)
    shown = [k for k in reversed(order) if (rows["kind"] == k).any()]
    top = drawing.key(0.0, [(_sample(drawing, k), f"{KINDS[k][0]} ({(rows['kind'] == k).sum()})") for k in shown], 18.0)
    across, along, bottom = _scales(rows, drawing.width, top)
    sites = rows.to_dict("records")
    at = {s["site_id"]: (across(s["x"]), along(s["y"])) for s in sites}
    for site in sites:
        if site["parent_hub_id"] in at:
            (x1, y1), (x2, y2) = at[site["site_id"]], at[site["parent_hub_id"]]
            drawing.line(x1, y1, x2, y2, stroke_opacity=0.5)
    for site in sites:
        kind = site["kind"]
        words, shape, colour = KINDS[kind]
        mark = marker(shape, *at[site["site_id"]], _RADIUS.get(kind, 3.0), colour, f"{site['name']}: {words}")
        drawing.parts.append(mark)
    _bar(drawing, across, bottom)
    counted = ", ".join(f"{(rows['kind'] == k).sum()} {KINDS[k][0]}" for k in shown)
    return drawing.finish(
        bottom + LINE + 8, title=title, description=f"Sites where they are: {counted}.", data=data, headings=_HEADINGS
    )


def _sample(drawing: Drawing, kind: str):  # type: ignore[no-untyped-def]
    _, shape, colour = KINDS[kind]
    return lambda x, y: drawing.parts.append(marker(shape, x + 8, y, _RADIUS.get(kind, 3.0), colour, class_=None))


def _scales(rows: pd.DataFrame, width: float, top: float) -> tuple[Scale, Scale, float]:
    """Fit the sites, metres alike in both directions; give both scales and where the map ends."""
    room = width - 2 * (MARGIN + 8)
    wide, tall = (max(float(rows[c].max() - rows[c].min()), 1.0) for c in ("x", "y"))
    metres = max(wide / room, tall / (room * _TALLEST))
    x0, y1 = (rows["x"].min() + rows["x"].max() - metres * room) / 2, float(rows["y"].max())
    across = Scale(x0, x0 + metres * room, MARGIN + 8, MARGIN + 8 + room)
    end = top + 10 + tall / metres
    return across, Scale(y1, y1 - tall, top + 10, end), end + 10


def _bar(drawing: Drawing, across: Scale, y: float) -> None:
    """Draw a bar of a round number of kilometres."""
    metres = (across.high - across.low) / 4
    tens = 10.0 ** math.floor(math.log10(metres))
    length = next(m for m in (5, 2, 1) if m * tens <= metres) * tens
    end = MARGIN + length / (across.high - across.low) * (across.end - across.start)
    drawing.line(MARGIN, y, end, y, stroke_width=2.0)
    for x in (MARGIN, end):
        drawing.line(x, y - 4, x, y + 4, stroke_opacity=1 - GRID)
    drawing.text(end + 6, y + 4, f"{w.number(length / 1000, 0 if length >= 1000 else 1)} km", size=SMALL, faint=True)
