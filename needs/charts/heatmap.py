"""Draw a correlation matrix with its numbers, so that double counting is seen before it is weighted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from needs.charts import words as w
from needs.charts.chart import Chart
from needs.charts.drawing import LINE, MARGIN, SMALL, WIDTH, Drawing, ink_on, nothing
from needs.charts.tables import Columns, Floats

_POSITIVE, _NEGATIVE, _NONE = (18, 67, 109), (122, 47, 0), (245, 245, 243)
_CELL, _NUMBER, _APART = 33.0, 11.0, 5.0
_MOST = 40  # indicators; 40 x 40 numbers can still be found, not read at a glance
_HIGH = 0.8  # correlations from here on are counted in the description


def cell_colour(r: float) -> str:
    """Colour of a correlation: grey-white for none, dark blue for +1, dark brown for −1."""
    to, share = (_POSITIVE if r >= 0 else _NEGATIVE), min(abs(r), 1.0)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(_NONE, to, strict=True))


def correlation_heatmap(
    matrix: pd.DataFrame, *, title: str, groups: Mapping[str, str] | None = None, width: float = WIDTH
) -> Chart:
    """Draw correlations as numbers on a ground that darkens with their strength, blue for plus, brown for minus.

    Of a symmetric matrix the lower triangle is drawn: rows are numbered, and the numbers on the diagonal name the
    columns. Any other matrix is drawn whole, with a key to its columns below.

    Parameters
    ----------
    matrix
        Correlations −1 to 1, index and columns named by indicator, at most 40 each; NaN is a dash, "no value".
    title
        What the chart says.
    groups
        Domain of every indicator of the index (and of the columns, where they are others): rows and columns of a
        domain stand together, parted from the next.
    width
        Of the drawing, in units; it grows with the number of columns.

    Raises
    ------
    InputError
        With every fault: values beyond −1 to 1, an indicator twice or of no group, more than 40 rows or columns.
    """
    rows, cols = [w.clean(v) for v in matrix.index], [w.clean(v) for v in matrix.columns]
    values = _values(matrix, rows, cols, groups)
    of = {w.clean(k): w.clean(v) for k, v in groups.items()} if groups else {}
    order = list(dict.fromkeys([of.get(n, "") for n in [*rows, *cols]]))
    down = sorted(range(len(rows)), key=lambda i: order.index(of.get(rows[i], "")))
    across = sorted(range(len(cols)), key=lambda i: order.index(of.get(cols[i], "")))
    values, rows, cols = values[np.ix_(down, across)], [rows[i] for i in down], [cols[i] for i in across]
    half = rows == cols and np.allclose(values, values.T, equal_nan=True, atol=1e-9)
    across_of = (range(i) if half else range(len(cols)) for i in range(len(rows)))
    pairs = [(rows[i], cols[j], float(values[i, j])) for i, js in enumerate(across_of) for j in js]
    data = pd.DataFrame(pairs, columns=["row", "column", "correlation"]).astype({"correlation": float})
    headings = ["Indicator", "with", "Correlation"]
    if not pairs:
        return nothing(title, data, headings, width)
    drawing = Drawing(max(width, 110 + len(cols) * _CELL + len(order) * _APART))
    y = _grid(drawing, rows, cols, values, of, half=half)
    if data["correlation"].isna().any():
        drawing.text(MARGIN, y + SMALL, f"{w.DASH} {w.NO_VALUE}", size=SMALL, faint=True)
        y += LINE
    said = _say(pairs, of, len(set(rows) | set(cols)))
    return drawing.finish(y + 4, title=title, description=said, data=data, headings=headings)


def _values(matrix: pd.DataFrame, rows: list[str], cols: list[str], groups: Mapping[str, str] | None) -> Floats:
    columns = Columns(matrix.set_axis(pd.RangeIndex(len(rows))).set_axis(cols, axis=1), "correlation_heatmap")
    columns.unique("row", rows)
    columns.unique("column", cols)
    if len(rows) > _MOST or len(cols) > _MOST:
        fix = "draw one domain at a time, or the domains instead of their indicators"
        columns.faults.add("chart 'correlation_heatmap'", f"the matrix is {len(rows)} by {len(cols)}", fix)
    if groups is not None:
        known = {w.clean(k) for k in groups}
        lost = [("", f"indicator {n!r} has no group") for n in dict.fromkeys(rows + cols) if n not in known]
        columns.faults.add_each("chart 'correlation_heatmap', groups", lost, "name its domain")
    columns.raise_if_any()
    read = [columns.numbers(c, low=-1 - 1e-9, high=1 + 1e-9) for c in cols]
    columns.raise_if_any()
    return np.column_stack(read) if read else np.empty((len(rows), 0))


def _grid(
    drawing: Drawing, rows: list[str], cols: list[str], values: Floats, of: dict[str, str], *, half: bool
) -> float:
    """Draw labels, cells and what parts the groups; return where it ends."""
    breaks = [j > 0 and of.get(cols[j]) != of.get(cols[j - 1]) for j in range(len(cols))]
    offsets = np.arange(len(cols)) * _CELL + np.cumsum(breaks) * _APART
    first = drawing.width - MARGIN - (float(offsets[-1]) + _CELL)
    widest = max(w.text_width(f"{i} {n}", SMALL) for i, n in enumerate(rows, 1)) + 8
    first = min(first, max(widest, *(w.text_width(g, SMALL, bold=True) - _CELL for g in of.values()), 0) + MARGIN)
    x = first + offsets
    y = MARGIN
    if not half:
        for j in range(len(cols)):
            drawing.text(float(x[j]) + _CELL / 2, y + SMALL, str(j + 1), size=SMALL, anchor="middle", bold=True)
        y += LINE + 2
    for i, name in enumerate(rows):
        if of and (i == 0 or of[name] != of[rows[i - 1]]):
            if i:
                end = float(x[i - 1 if half else -1]) + _CELL
                drawing.line(MARGIN, y + 3, end, y + 3, stroke_opacity=0.6, class_="chart-separator")
                y += 5
            drawing.text(MARGIN, y + SMALL, of[name], size=SMALL, bold=True)
            y += LINE
        middle = y + _CELL / 2
        numbered = f"{i + 1} {name}" if half else name
        _row_label(drawing, middle, numbered, first - MARGIN - 4)
        for j in range(i if half else len(cols)):
            _cell(drawing, float(x[j]), y, values[i, j], f"{name} with {cols[j]}")
        if half:
            drawing.text(float(x[i]) + _CELL / 2, middle + 4, str(i + 1), size=SMALL, anchor="middle", bold=True)
        y += _CELL
    y += 6
    if not half:
        for j, name in enumerate(cols, 1):
            drawing.text(MARGIN, y + SMALL, f"{j} {name}", size=SMALL)
            y += LINE
    return y


def _row_label(drawing: Drawing, middle: float, name: str, room: float) -> None:
    """Write a label on up to three lines."""
    lines = w.wrap(name, room, _NUMBER, lines=3) if w.text_width(name, SMALL) > room else [name]
    size = SMALL if len(lines) == 1 and lines[0] == name else _NUMBER
    if " ".join(lines) != " ".join(name.split()):
        drawing.add("rect", name, x=MARGIN, y=middle - 14, width=room, height=28.0, fill="none", pointer_events="all")
    for k, line in enumerate(lines):
        drawing.text(MARGIN, middle + 4 + (k - (len(lines) - 1) / 2) * 11, line, size=size)


def _cell(drawing: Drawing, x: float, y: float, r: float, what: str) -> None:
    written = w.DASH if math.isnan(r) else w.signed(r, 2)
    colour = None if math.isnan(r) else cell_colour(r)
    hover = f"{what}: {w.NO_VALUE if math.isnan(r) else written}"
    drawing.add(
        "rect", hover, class_="chart-mark", x=x, y=y, width=_CELL, height=_CELL, fill=colour or "none",
        stroke="#767676", stroke_width=0.7,
    )  # fmt: skip
    ink = ink_on(colour) if colour else None
    drawing.text(x + _CELL / 2, y + _CELL / 2 + 4, written, size=_NUMBER, anchor="middle", ink=ink)


def _say(pairs: Sequence[tuple[str, str, float]], of: Mapping[str, str], count: int) -> str:
    said, known = f"Correlations of {w.plural(count, 'indicator')}.", [p for p in pairs if not math.isnan(p[2])]
    if known:
        said += f" Highest: {_pair(max(known, key=lambda p: p[2]))}."
        if len(known) > 1:
            said += f" Lowest: {_pair(min(known, key=lambda p: p[2]))}."
        high = [p for p in known if round(p[2], 2) >= _HIGH]  # as written in the cells
        said += f" {w.plural(len(high), 'pair')} of {len(known):,} {'is' if len(high) == 1 else 'are'}"
        said += f" at {w.signed(_HIGH, 2)} or more"
        if of and high:
            between = sum(of[a] != of[b] for a, b, _ in high)
            said += f", {between:,} of {'it' if len(high) == 1 else 'them'} between different domains"
        said += "."
    return said + w.gaps(len(pairs) - len(known), "pair")


def _pair(pair: tuple[str, str, float]) -> str:
    return f"{w.brief(pair[0])} and {w.brief(pair[1])}, {w.signed(pair[2], 2)}"
