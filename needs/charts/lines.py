"""Draw lines and steps with their names beside them: concentration curves, frontiers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from needs.charts import words as w
from needs.charts.chart import Chart
from needs.charts.drawing import (
    DASHES,
    GRID,
    LINE,
    MARGIN,
    PALETTE,
    SHAPES,
    SMALL,
    WIDTH,
    Drawing,
    Scale,
    marker,
    nothing,
    polyline,
    scale,
)
from needs.charts.placing import Placer, samples
from needs.charts.tables import Columns, Floats

_FEW = 25  # points of a line that get markers
_TALL, _BROAD = 0.72, 450.0  # height of the plot per width, up to this width

Place = tuple[float, float]


@dataclass(frozen=True)
class _Axes:
    """How the axes are read."""

    x_label: str
    y_label: str
    x_unit: str
    y_unit: str
    step: bool
    diagonal: str
    zero: bool


@dataclass(frozen=True)
class _Point:
    """A point of a line; NaN is no value."""

    x: float
    y: float
    mark: str

    @property
    def known(self) -> bool:
        return not math.isnan(self.x + self.y)


@dataclass(frozen=True)
class _Line:
    """A series, its points in the order of x."""

    at: int
    name: str
    points: list[_Point]

    @property
    def known(self) -> list[_Point]:
        return [p for p in self.points if p.known]

    @property
    def colour(self) -> str:
        return PALETTE[self.at % len(PALETTE)]

    @property
    def shape(self) -> str:
        return SHAPES[self.at % len(SHAPES)]


def lines(
    table: pd.DataFrame,
    *,
    title: str,
    x_label: str,
    y_label: str,
    x_unit: str = "",
    y_unit: str = "",
    step: bool = False,
    diagonal: str = "",
    zero: bool = True,
    width: float = WIDTH,
) -> Chart:
    """Draw one line per series, named beside the line where every name has room, else in a key.

    Parameters
    ----------
    table
        One row per point: `x`, `y`; optional `series`, and `mark`, words that are written at a point (empty for
        none), such as "6 hubs: more add little". Points of a series are joined in the order of `x`, equal ones in
        the order of the table; a NaN breaks the line.
    title
        What the chart says.
    x_label, y_label
        What the axes are.
    x_unit, y_unit
        What follows the values on the axes, such as "%".
    step
        Whether a value holds until the next `x`.
    diagonal
        Name of the line of equal `x` and `y`, such as "equality"; empty for none.
    zero
        Whether the axis of `y` starts from zero.
    width
        Of the drawing, in units.

    Raises
    ------
    InputError
        With every fault: columns missing or not numbers, more than 2,000 points.
    """
    columns = Columns(table, "lines")
    across, up = columns.numbers("x").tolist(), columns.numbers("y").tolist()
    series, marks = (columns.words(c) if columns.has(c) else [""] * len(across) for c in ("series", "mark"))
    columns.raise_if_any()
    every = pd.DataFrame({"series": series, "x": across, "y": up, "mark": marks})
    heads = {"series": "Series", "x": x_label, "y": y_label, "mark": "Note"}
    shown = [c for c in heads if c in {"x", "y"} or columns.has(c)]
    data, headings = every[shown], [heads[c] for c in shown]
    points: dict[str, list[_Point]] = {}
    for name, x, y, mark in zip(series, across, up, marks, strict=True):
        points.setdefault(name, []).append(_Point(x, y, mark))
    drawn = [_Line(at, name, sorted(of, key=_by_x)) for at, (name, of) in enumerate(points.items())]
    if not any(line.known for line in drawn):
        return nothing(title, data, headings, width)
    axes = _Axes(x_label, y_label, x_unit, y_unit, step, w.clean(diagonal), zero)
    drawing, bottom, named = _plot(Drawing(width), drawn, axes, key=False)
    if not named:
        drawing, bottom, _ = _plot(Drawing(width), drawn, axes, key=True)
    lost = sum(not p.known for line in drawn for p in line.points)
    if lost:
        drawing.text(MARGIN, bottom + SMALL, f"{w.plural(lost, 'point')}: {w.NO_VALUE}", size=SMALL, faint=True)
        bottom += LINE
    said = _say(drawn, axes) + w.gaps(lost, "point")
    return drawing.finish(bottom + 4, title=title, description=said, data=data, headings=headings)


def _by_x(point: _Point) -> tuple[bool, float]:
    return math.isnan(point.x), 0.0 if math.isnan(point.x) else point.x


def _plot(drawing: Drawing, drawn: Sequence[_Line], axes: _Axes, *, key: bool) -> tuple[Drawing, float, bool]:
    """Draw axes, lines and names; return where the drawing ends, and whether every name had room."""
    items = [(_sample(drawing, line), line.name) for line in drawn if line.name] if key else []
    items += [(_equal_sample(drawing), axes.diagonal)] if key and axes.diagonal else []
    top = drawing.key(MARGIN, items)
    drawing.text(MARGIN, top + SMALL, axes.y_label, size=SMALL, faint=True)
    top += LINE + 4
    across, up = ([getattr(p, c) for line in drawn for p in line.known] for c in "xy")
    if axes.diagonal:
        across = up = [*across, *up]
    bottom = top + _TALL * min(drawing.width, _BROAD)
    place_y = scale(up, bottom, top + 8, zero=axes.zero)
    ticks, decimals = place_y.ticks()
    written = [w.number(t, decimals) + axes.y_unit for t in ticks]
    left = MARGIN + max(w.text_width(t, SMALL) for t in written) + 6
    right = drawing.width - MARGIN - 10
    for tick, words in zip(ticks, written, strict=True):
        drawing.line(left, place_y(tick), right, place_y(tick), stroke_opacity=GRID)
        drawing.text(left - 5, place_y(tick) + 4, words, size=SMALL, anchor="end", faint=True)
    place_x = scale(across, left, right, zero=axes.zero and min(across) >= 0)
    end = drawing.axis_x(place_x, bottom, bottom + 4, unit=axes.x_unit)
    drawing.line(left, bottom, right, bottom, stroke_opacity=0.6)
    drawing.text((left + right) / 2, end + SMALL, axes.x_label, size=SMALL, anchor="middle", faint=True)
    equal: list[Place] = []
    if axes.diagonal:
        ends = max(place_x.low, place_y.low), min(place_x.high, place_y.high)
        equal = [(place_x(v), place_y(v)) for v in ends]
        drawing.parts.append(polyline(equal, stroke="currentColor", stroke_opacity=0.6, class_="chart-diagonal"))
    curves = []
    for line in drawn:
        runs = _runs(line, place_x, place_y, step=axes.step)
        _stroke(drawing, line, runs)
        _points(drawing, line, place_x, place_y, axes)
        curves.append(np.concatenate([np.empty((0, 2)), *map(samples, runs)]))
    names = [line.name for line in drawn]
    if equal:
        curves, names = [*curves, samples(equal)], [*names, axes.diagonal]
    placer = Placer(drawing, np.concatenate(curves), (left + 2, top, drawing.width, bottom))
    named = key or _names(placer, names, curves, plain=len(drawn))
    _marks(drawing, placer, drawn, place_x, place_y)
    return drawing, end + LINE, named


def _runs(line: _Line, place_x: Scale, place_y: Scale, *, step: bool) -> list[list[Place]]:
    """Places of a line in the order of x, parted where a value is missing."""
    runs: list[list[Place]] = [[]]
    for p in line.points:
        if not p.known:
            runs.append([])
            continue
        place = (place_x(p.x), place_y(p.y))
        if step and runs[-1]:
            runs[-1].append((place[0], runs[-1][-1][1]))
        runs[-1].append(place)
    return [run for run in runs if run]


def _stroke(drawing: Drawing, line: _Line, runs: Sequence[Sequence[Place]]) -> None:
    dashes = DASHES[line.at % len(DASHES)] or None
    for run in runs:
        if len(run) > 1:
            drawing.parts.append(
                polyline(run, stroke=line.colour, stroke_width=2.2, stroke_dasharray=dashes, class_="chart-line")
            )


def _points(drawing: Drawing, line: _Line, place_x: Scale, place_y: Scale, axes: _Axes) -> None:
    """Draw the points of a line, where they are few, with their values on hover."""
    if len(line.points) > _FEW:
        return
    x_places, y_places = (w.decimals_for(getattr(p, c) for p in line.known) for c in "xy")
    for p in line.known:
        hover = f"{line.name + ': ' if line.name else ''}{axes.x_label} {w.with_unit(p.x, x_places, axes.x_unit)},"
        hover += f" {axes.y_label} {w.with_unit(p.y, y_places, axes.y_unit)}"
        drawing.parts.append(marker(line.shape, place_x(p.x), place_y(p.y), 3.4, line.colour, hover))


def _names(placer: Placer, names: Sequence[str], curves: Sequence[Floats], *, plain: int) -> bool:
    """Write names beside their curves, each where its curve is far from the others; say whether all had room.

    Curves from number `plain` on are no series, and their names are not bold.
    """
    done = True
    for at, name in enumerate(names):
        own, others = curves[at][::8], np.concatenate([np.empty((0, 2)), *curves[:at], *curves[at + 1 :]])
        if not name or not len(own):
            continue
        if len(others):
            apart = np.sqrt(((own[:, None, :] - others[None, :, :]) ** 2).sum(axis=2)).min(axis=1)
            own = own[np.argsort(-apart, kind="stable")]
        else:
            own = own[::-1]
        anchors = [(float(x), float(y)) for x, y in own]
        done &= placer.write(anchors, name, 5.0, bold=at < plain, strangers=others)
    return done


def _marks(drawing: Drawing, placer: Placer, drawn: Sequence[_Line], place_x: Scale, place_y: Scale) -> None:
    """Ring the points that carry words, and write the words beside them where there is room."""
    for p in (p for line in drawn for p in line.known if p.mark):
        x, y = place_x(p.x), place_y(p.y)
        drawing.add(
            "circle",
            p.mark,
            class_="chart-knee",
            cx=x,
            cy=y,
            r=8.0,
            fill="none",
            stroke="currentColor",
            stroke_width=2.0,
        )
        for share in (0.6, 0.4, 0.25):
            if placer.write([(x, y)], w.shorten(p.mark, share * drawing.width, SMALL, bold=True), 11.0, bold=True):
                break


def _say(drawn: Sequence[_Line], axes: _Axes) -> str:
    known = [p for line in drawn for p in line.known]
    x_places, y_places = (w.decimals_for(getattr(p, c) for p in known) for c in "xy")

    def at(p: _Point) -> str:
        return f"{w.with_unit(p.y, y_places, axes.y_unit)} at {w.with_unit(p.x, x_places, axes.x_unit)}"

    across, up = (w.brief(w.clean(label)) for label in (axes.x_label, axes.y_label))
    said = f"{w.sentence(up)} against {w.within(across)}."
    for line in drawn:
        own = line.known
        if not own:
            continue
        words = f"from {at(own[0])} to {at(own[-1])}" if len(own) > 1 else at(own[0])
        if axes.diagonal:
            far = max(own, key=lambda p: abs(p.y - p.x))
            sides = {(True, False): "above", (False, True): "below", (True, True): "on both sides of"}
            side = sides.get((any(p.y > p.x for p in own), any(p.y < p.x for p in own)), "on")
            words = f"{side} the line of {w.brief(axes.diagonal)}"
            words += f", farthest with {at(far)}" if side != "on" else ""
        said += f" {w.sentence(w.brief(line.name))}: {words}." if line.name else f" {w.sentence(words)}."
    for p in known:
        said += f" At {w.with_unit(p.x, x_places, axes.x_unit)}: {w.brief(p.mark)}." if p.mark else ""
    return said


def _equal_sample(drawing: Drawing) -> Callable[[float, float], None]:
    return lambda x, y: drawing.line(x, y, x + 24, y, stroke_opacity=0.6)


def _sample(drawing: Drawing, line: _Line) -> Callable[[float, float], None]:
    def draw(x: float, y: float) -> None:
        _stroke(drawing, line, [[(x, y), (x + 24, y)]])
        drawing.parts.append(marker(line.shape, x + 12, y, 3.4, line.colour, class_=None))

    return draw
