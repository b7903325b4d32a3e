"""Draw from how far families reach a place: nested polygons, true to the streets."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from contourpy import FillType, contour_generator
from numpy.typing import NDArray

from needs.kernels import kernel
from needs.routing import MAX_LIMIT_MS, UNREACHED, from_nearest_ms
from needs.settings import CRS
from needs.streets import NO_WAY, Graph, Lines, Snapped, modes, snap

CELL_M = (25.0, 50.0)  # between the points on which times are laid: where the last band is near, and where it is far
FAR_M = 5_000.0  # the last band is far if its minutes bring one further than this at the streets' usual speed
NEAR_M = 100.0  # what is further from any street is not within reach, so that no water is filled
HARDLY = 0.25  # of a cell: streets that are no more than this further from a point than the nearest are as good
FILL_M2 = 10_000.0  # holes smaller than this (100 m by 100 m) are filled
CLEAR_M = 0.01  # no grid point is nearer to an outline than this, so that outlines, in millimetres, never touch

_DRAWN = ("geometry", "missed_pct", "false_pct")


def reach(sites: gpd.GeoDataFrame, graph: Graph, *, bands_min: Sequence[float]) -> gpd.GeoDataFrame:
    """Outline where families live who get to any of the sites within so many minutes.

    Times are laid on a grid near the streets and contoured (marching squares: Lorensen and Cline 1987, Computer
    Graphics 21). A grid point belongs to the nearest street, and to those hardly further: so a polygon crosses a
    river, or another barrier, only where streets do.

    Parameters
    ----------
    sites
        Places, EPSG:27700.
    graph
        Streets of one mode.
    bands_min
        Minutes from the families' doors to the site's, in the direction of travel.

    Returns
    -------
    geopandas.GeoDataFrame
        mode, minutes, geometry (multipolygon, EPSG:27700; empty where nothing is within reach), one row per band,
        ascending. A band lies within every larger one.

    Raises
    ------
    ValueError
        If there is no band, or one is not a number of minutes that can be searched.
    """
    bands = _bands(bands_min)
    places = snap(graph, sites.geometry.x.to_numpy(), sites.geometry.y.to_numpy())
    field = _Ground.of(places, bands[-1]).field(places)
    return gpd.GeoDataFrame({"mode": graph.mode, "minutes": bands}, geometry=field.outlines(bands), crs=CRS)


def per_site(sites: gpd.GeoDataFrame, graph: Graph, *, bands_min: Sequence[float]) -> gpd.GeoDataFrame:
    """Outline, for each site by itself, where families live who get to it within so many minutes.

    Parameters
    ----------
    sites
        site_id, geometry, EPSG:27700.
    graph, bands_min
        As for `reach`.

    Returns
    -------
    geopandas.GeoDataFrame
        site_id, mode, minutes, geometry (as by `reach`), missed_pct (junctions within reach but outside the polygon,
        of all within reach), false_pct (junctions inside but not within reach, of all inside), both NaN where there
        are none; one row per site and band, sorted.

    Raises
    ------
    ValueError
        As for `reach`.
    """
    bands = _bands(bands_min)
    ordered = sites.sort_values("site_id", kind="stable")
    places = snap(graph, ordered.geometry.x.to_numpy(), ordered.geometry.y.to_numpy())
    ground = _Ground.of(places, bands[-1])

    def rows(place: int) -> dict[str, NDArray[Any]]:
        field = ground.field(_only(places, place))
        shapes = field.outlines(bands)
        missed, false = field.faults_pct(shapes, bands)
        return {"geometry": shapes, "missed_pct": missed, "false_pct": false}

    with ThreadPoolExecutor() as pool:
        found = list(pool.map(rows, range(len(places))))
    columns = {name: np.concatenate([f[name] for f in found]) if found else [] for name in _DRAWN}
    ids = {"site_id": np.repeat(ordered["site_id"].to_numpy(), len(bands)), "mode": graph.mode}
    return gpd.GeoDataFrame(ids | {"minutes": np.tile(bands, len(places))} | columns, crs=CRS)


def with_demand(shapes: gpd.GeoDataFrame, points: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Add the demand inside each polygon.

    Parameters
    ----------
    shapes
        Polygons, EPSG:27700, as by `reach` or `per_site`.
    points
        point_id, demand, geometry (points, EPSG:27700).

    Returns
    -------
    geopandas.GeoDataFrame
        The shapes with a column demand; a point on the edge counts.
    """
    shape, point = points.sindex.query(shapes.geometry, predicate="intersects")
    order = np.lexsort((point, shape))
    weights = points["demand"].to_numpy(float)[point[order]]
    return shapes.assign(demand=np.bincount(shape[order], weights, minlength=len(shapes)))


def _bands(bands_min: Sequence[float]) -> list[float]:
    bands = sorted({float(band) for band in bands_min})
    if not bands or not all(0 < band <= MAX_LIMIT_MS / 120_000 for band in bands):
        msg = f"bands_min is {list(bands_min)}: give minutes over 0 and at most {MAX_LIMIT_MS // 120_000:,}"
        raise ValueError(msg)
    return bands


def _only(places: Snapped, row: int) -> Snapped:
    one = slice(row, row + 1)
    return Snapped(
        places.graph, places.edge[one], places.line[one], places.share[one], places.metres[one], places.reason[one]
    )


@dataclass(frozen=True)
class _Search:
    """Seconds from every junction to the soonest of some places, inf beyond the limit."""

    places: Snapped
    node_s: NDArray[np.float64]
    limit_s: float

    @classmethod
    def of(cls, places: Snapped, limit_s: float) -> _Search:
        arcs = places.graph.arcs.reversed
        ms = from_nearest_ms(arcs, places.arrive(), limit_ms=int(np.ceil(limit_s * 1000)))
        return cls(places, np.where(ms == UNREACHED, np.inf, ms / 1000), limit_s)

    def pieces(self) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """Find the pieces of line that are within the limit: line, seconds at its edge's two ends, part of the line."""
        graph, on = self.places.graph, self.places.edge >= 0
        edges, lines = graph.edges, graph.lines
        found: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]] = _pieces(
            lines.first, edges.start, edges.end, lines.to_start_s, lines.to_end_s, self.node_s,
            self.places.edge[on], self.places.line[on], self.places.share[on], self.places.connector_s[on], self.limit_s,
        )  # fmt: skip
        return found


@dataclass(frozen=True)
class _Grid:
    """Points in rows from the south, each from the west, `cell_m` apart, on whole multiples of it in EPSG:27700."""

    cell_m: float
    west: int
    south: int
    columns: int
    rows: int

    @classmethod
    def around(cls, lines: Lines, some: NDArray[np.int64], cell_m: float) -> _Grid:
        """Lay a grid with all that is near some of the lines, and one point more on every side."""
        if not len(some):
            return cls(cell_m, 0, 0, 2, 2)
        margin = NEAR_M + 2 * cell_m
        x, y = lines.x.take(some, axis=0), lines.y.take(some, axis=0)
        west, south = (int(np.floor((a.min() - margin) / cell_m)) for a in (x, y))
        east, north = (int(np.ceil((a.max() + margin) / cell_m)) for a in (x, y))
        return cls(cell_m, west, south, east - west + 1, north - south + 1)

    def touched(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which lines or points, shape (l, 2) or (l, 1), have a box that the grid touches."""
        west, south = self.west * self.cell_m, self.south * self.cell_m
        east, north = west + self.columns * self.cell_m, south + self.rows * self.cell_m
        across = (x.max(axis=1) >= west) & (x.min(axis=1) <= east)
        return np.asarray(across & (y.max(axis=1) >= south) & (y.min(axis=1) <= north))

    def part(self, whole: NDArray[np.float64], other: _Grid) -> NDArray[np.float64]:
        """Cut from values on this grid those on another one inside it."""
        row, column = other.south - self.south, other.west - self.west
        return whole[row : row + other.rows, column : column + other.columns]


@dataclass(frozen=True)
class _Ground:
    """Which streets the points of a grid belong to, for all places of one task.

    Attributes
    ----------
    northward
        All junctions from the south.
    near_m
        Metres to the nearest street, at most those that matter, shape (rows, columns).
    first
        Line l has the doors `first[l]` to `first[l + 1]`, shape (lines + 1,).
    row, column, share, metres
        Of each door: its point of the grid, how far along the line it opens, and how far off.
    """

    graph: Graph
    limit_s: float
    grid: _Grid
    northward: NDArray[np.int64]
    near_m: NDArray[np.float64]
    first: NDArray[np.int64]
    row: NDArray[np.int32]
    column: NDArray[np.int32]
    share: NDArray[np.float32]
    metres: NDArray[np.float32]

    @classmethod
    def of(cls, places: Snapped, last_min: float) -> _Ground:
        """Prepare the ground within `last_min` of any of the places."""
        graph = places.graph
        lines, edges = graph.lines, graph.edges
        once = np.where(edges.forward_ms == NO_WAY, edges.backward_ms, edges.forward_ms)
        far = edges.metres.sum() / once.sum() * last_min * 60_000 > FAR_M
        cell_m = CELL_M[int(far)]
        # a band's outline depends on points up to a cell outside it
        limit_s = last_min * 60 + cell_m / (modes()[graph.mode].connector_kph / 3.6)
        reached, _, _ = _Search.of(places, limit_s).pieces()
        grid = _Grid.around(lines, reached, cell_m)
        lived = ~edges.ferry[lines.edge]  # no family lives on a ferry
        some = np.flatnonzero(lived & grid.touched(lines.x, lines.y))
        frame = (grid.cell_m, grid.west * grid.cell_m, grid.south * grid.cell_m)
        near_m = _nearest(lines.x, lines.y, some, *frame, grid.rows, grid.columns)
        north = np.argsort(graph.y, kind="stable")
        return cls(graph, limit_s, grid, north, near_m, *_doors(lines.x, lines.y, some, *frame, near_m))

    def field(self, places: Snapped) -> _Field:
        """Lay the times to the soonest of some of the places on a grid around what is reached."""
        search = _Search.of(places, self.limit_s)
        line, ends_s, part = search.pieces()
        lines, grid = self.graph.lines, _Grid.around(self.graph.lines, line, self.grid.cell_m)
        seconds = np.full((grid.rows, grid.columns), np.inf)
        speed = modes()[self.graph.mode].connector_kph / 3.6
        _lay(
            line, ends_s, part, lines.to_start_s, lines.to_end_s,
            self.first, self.row, self.column, self.share, self.metres,
            grid.south - self.grid.south, grid.west - self.grid.west, grid.cell_m / 2, speed, seconds,
        )  # fmt: skip
        near_m = self.grid.part(self.near_m, grid) if len(line) else np.full_like(seconds, np.inf)
        return _Field(search, grid, self.northward, seconds, near_m - NEAR_M, speed)


@dataclass(frozen=True)
class _Field:
    """Seconds on a grid, and metres (negative: near) to where streets are too far."""

    search: _Search
    grid: _Grid
    northward: NDArray[np.int64]
    seconds: NDArray[np.float64]
    shore_m: NDArray[np.float64]
    speed: float

    def outlines(self, bands_min: list[float]) -> NDArray[np.object_]:
        """Outline what is within so many minutes, band by band.

        Contoured are the metres that a point is outside (negative: inside), so that an outline runs between two
        points where it should, both where time ends and where streets end; where times leap, it runs halfway. The
        rows that each band needs lie above those of the band before, in one array.
        """
        limits_s, soonest_s = np.array(bands_min) * 60, self.seconds.min(axis=1)
        within = [np.flatnonzero(soonest_s <= limit) for limit in limits_s]
        blocks = [np.arange(w[0] - 1, w[-1] + 2) if len(w) else w for w in within]
        row, band = np.concatenate(blocks), np.repeat(np.arange(len(blocks)), [len(b) for b in blocks])
        shapes = np.full(len(blocks), shapely.MultiPolygon(), dtype=object)
        if not len(row):
            return shapes
        cell_m = self.grid.cell_m
        outside_m = _outside_m(self.seconds, self.shore_m, row, limits_s[band], self.speed, cell_m)
        generator = contour_generator(z=outside_m, fill_type=FillType.ChunkCombinedOffsetOffset)
        (at,), (ring,), (polygon,) = generator.filled(-2 * cell_m, 0.0)
        if at is None:
            return shapes
        ring, polygon = ring.astype(np.int64), polygon.astype(np.int64)
        below = at[:, 1].astype(np.int64)
        corners = (
            at + np.column_stack([np.full(len(at), self.grid.west), row[below] - below + self.grid.south])
        ) * cell_m
        shapely.multipolygons(*_filled(np.round(corners, 3), ring, polygon, band[below[ring[:-1]]]), out=shapes)
        return shapes

    def faults_pct(
        self, shapes: NDArray[np.object_], bands_min: list[float]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Share of the junctions within reach that lie outside, and of those inside that are not within reach."""
        graph = self.search.places.graph
        on = self.grid.touched(graph.x[:, None], graph.y[:, None])
        node = self.northward[on[self.northward]]
        parts, shape = shapely.get_parts(shapes, return_index=True)
        rings, part = shapely.get_rings(parts, return_index=True)
        corners, ring = shapely.get_coordinates(rings, return_index=True)
        inside = _inside(corners, ring, shape[part], graph.x[node], graph.y[node], len(shapes))
        reached = self.search.node_s[node] <= np.array(bands_min)[:, None] * 60
        return _pct(reached & ~inside, reached), _pct(inside & ~reached, inside)


def _pct(some: NDArray[np.bool_], every: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Count by rows, NaN where there is none."""
    count = every.sum(axis=1)
    return np.where(count > 0, 100.0 * some.sum(axis=1) / np.maximum(count, 1), np.nan)


def _filled(
    corners: NDArray[np.float64], ring: NDArray[np.int64], polygon: NDArray[np.int64], band: NDArray[np.int64]
) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Make polygons of contours without the small holes, and without what lies in those; and give their bands.

    Ring r, of a band, has the corners `ring[r]` to `ring[r + 1]`; polygon p the rings `polygon[p]` to
    `polygon[p + 1]`, the outer one first. Of a band within another, all is filled that is filled in it or open there:
    a hole of the larger lies in one of the smaller.
    """
    x, y = (corners - corners[0]).T
    cross = np.append(x[:-1] * y[1:] - x[1:] * y[:-1], 0.0)
    cross[ring[1:] - 1] = 0.0
    outer = polygon[:-1]
    small = np.abs(np.add.reduceat(cross, ring[:-1])) / 2 < FILL_M2
    small[outer] = False
    rings = shapely.linearrings(corners, indices=np.repeat(np.arange(len(band)), np.diff(ring)))
    owner = np.repeat(np.arange(len(outer)), np.diff(polygon))
    found, at = shapely.polygons(rings[~small], indices=owner[~small]), band[outer]
    if small.any():
        holes = shapely.STRtree(shapely.polygons(rings[small]))
        inner, hole = holes.query(shapely.points(corners[ring[outer]]), predicate="within")
        inner = inner[at[inner] == band[small][hole]]
        found, at = np.delete(found, inner), np.delete(at, inner)
    return found, at


@kernel
def _between(at_s: NDArray[np.float64], share: float) -> float:
    """Interpolate between two times, both finite or both endless."""
    return at_s[0] + share * (at_s[1] - at_s[0]) if np.isfinite(at_s[0]) else np.inf


@kernel
def _pieces(
    first: NDArray[np.int64],
    start: NDArray[np.int32],
    end: NDArray[np.int32],
    to_start_s: NDArray[np.float64],
    to_end_s: NDArray[np.float64],
    node_s: NDArray[np.float64],
    at_edge: NDArray[np.int32],
    at_line: NDArray[np.int32],
    at_share: NDArray[np.float64],
    at_s: NDArray[np.float64],
    limit_s: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """List what is within the limit by either end of its edge, and then straight along a place's own edge.

    For the latter, the times at the edge's ends are such that those on the way come out: less than nothing, perhaps.
    """
    most = 0
    for e in range(len(start)):
        if min(node_s[start[e]], node_s[end[e]]) <= limit_s:
            most += first[e + 1] - first[e]
    for k in range(len(at_edge)):
        most += first[at_edge[k] + 1] - first[at_edge[k]] + 1
    line = np.empty(most, np.int64)
    ends_s = np.empty((most, 2))
    part = np.empty((most, 2))
    count = 0
    for e in range(len(start)):
        by_start, by_end = node_s[start[e]], node_s[end[e]]
        if min(by_start, by_end) > limit_s:
            continue
        for i in range(first[e], first[e + 1]):
            if min(by_start + to_start_s[i, 0], by_end + to_end_s[i, 1]) <= limit_s:
                line[count] = i
                ends_s[count, 0], ends_s[count, 1] = by_start, by_end
                part[count, 0], part[count, 1] = 0.0, 1.0
                count += 1
    for k in range(len(at_edge)):
        here = at_line[k]
        back = _between(to_start_s[here], at_share[k])
        on = _between(to_end_s[here], at_share[k])
        for i in range(first[at_edge[k]], first[at_edge[k] + 1]):
            if i <= here and np.isfinite(on):
                till = at_share[k] if i == here else 1.0
                if at_s[k] - on + _between(to_end_s[i], till) <= limit_s:
                    line[count] = i
                    ends_s[count, 0], ends_s[count, 1] = np.inf, at_s[k] - on
                    part[count, 0], part[count, 1] = 0.0, till
                    count += 1
            if i >= here and np.isfinite(back):
                since = at_share[k] if i == here else 0.0
                if at_s[k] - back + _between(to_start_s[i], since) <= limit_s:
                    line[count] = i
                    ends_s[count, 0], ends_s[count, 1] = at_s[k] - back, np.inf
                    part[count, 0], part[count, 1] = since, 1.0
                    count += 1
    return line[:count], ends_s[:count], part[:count]


@kernel
def _span(a: float, b: float, radius: float, cell_m: float, begin: float, count: int) -> tuple[int, int]:
    """Find the rows or columns of a grid that are within the radius of a line from a to b."""
    low = np.ceil((min(a, b) - radius - begin) / cell_m)
    high = np.floor((max(a, b) + radius - begin) / cell_m)
    return max(np.int64(low), 0), min(np.int64(high) + 1, count)


@kernel
def _along(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float, float]:
    """Length and direction of a line; that of a point is any."""
    dx, dy = x[1] - x[0], y[1] - y[0]
    length = np.hypot(dx, dy)
    return (length, dx / length, dy / length) if length > 0 else (0.0, 1.0, 0.0)


@kernel
def _nearest(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    lines: NDArray[np.int64],
    cell_m: float,
    west: float,
    south: float,
    rows: int,
    columns: int,
) -> NDArray[np.float64]:
    """Metres from every point of the grid to the nearest line, as far as they matter."""
    radius = NEAR_M + cell_m
    near = np.full((rows, columns), radius**2)
    for i in lines:
        length, east, north = _along(x[i], y[i])
        bottom, top = _span(y[i, 0], y[i, 1], radius, cell_m, south, rows)
        left, right = _span(x[i, 0], x[i, 1], radius, cell_m, west, columns)
        for r in range(bottom, top):
            up = south + r * cell_m - y[i, 0]
            some = near[r, left:right]
            for c in range(len(some)):
                over = west + (left + c) * cell_m - x[i, 0]
                ahead, aside = over * east + up * north, over * north - up * east
                beyond = -ahead if ahead < 0 else (ahead - length if ahead > length else 0.0)
                square = beyond * beyond + aside * aside
                some[c] = square if square < some[c] else some[c]
    return np.sqrt(near)


@kernel
def _doors(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    lines: NDArray[np.int64],
    cell_m: float,
    west: float,
    south: float,
    near_m: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """Find the lines that are hardly further from a point of the grid than the nearest."""
    rows, columns = near_m.shape
    radius = NEAR_M + cell_m
    most = np.minimum(near_m + HARDLY * cell_m, radius) ** 2
    first = np.zeros(len(x) + 1, np.int64)
    size, count = 2 * rows * columns, 0
    row, column = np.empty(size, np.int32), np.empty(size, np.int32)
    share, metres = np.empty(size, np.float32), np.empty(size, np.float32)
    for i in lines:
        length, east, north = _along(x[i], y[i])
        bottom, top = _span(y[i, 0], y[i, 1], radius, cell_m, south, rows)
        left, right = _span(x[i, 0], x[i, 1], radius, cell_m, west, columns)
        begin = count
        while size < count + max(top - bottom, 0) * max(right - left, 0):
            size *= 2
            row, column = np.append(row, row), np.append(column, column)
            share, metres = np.append(share, share), np.append(metres, metres)
        for r in range(bottom, top):
            up = south + r * cell_m - y[i, 0]
            for c in range(left, right):
                over = west + c * cell_m - x[i, 0]
                ahead, aside = over * east + up * north, over * north - up * east
                foot = min(max(ahead, 0.0), length)
                square = (ahead - foot) ** 2 + aside**2
                if square < most[r, c]:
                    row[count], column[count] = r, c
                    share[count] = foot / length if length > 0 else 0.0
                    metres[count] = np.sqrt(square)
                    count += 1
        first[i + 1] = count - begin
    return np.cumsum(first), row[:count].copy(), column[:count].copy(), share[:count].copy(), metres[:count].copy()


@kernel
def _lay(
    line: NDArray[np.int64],
    ends_s: NDArray[np.float64],
    part: NDArray[np.float64],
    to_start_s: NDArray[np.float64],
    to_end_s: NDArray[np.float64],
    first: NDArray[np.int64],
    row: NDArray[np.int32],
    column: NDArray[np.int32],
    share: NDArray[np.float32],
    metres: NDArray[np.float32],
    south: int,
    west: int,
    free_m: float,
    speed: float,
    seconds: NDArray[np.float64],
) -> None:
    """Give every point the least of the times at its doors, with the way to the street.

    The first `free_m` of that way are not counted: a point stands for what is around it, on the street too.
    """
    for p in range(len(line)):
        i = line[p]
        for d in range(first[i], first[i + 1]):
            if part[p, 0] <= share[d] <= part[p, 1]:
                by_start = ends_s[p, 0] + _between(to_start_s[i], share[d])
                by_end = ends_s[p, 1] + _between(to_end_s[i], share[d])
                time = min(by_start, by_end) + max(metres[d] - free_m, 0.0) / speed
                r, c = row[d] - south, column[d] - west
                seconds[r, c] = min(seconds[r, c], time)


@kernel
def _outside_m(
    seconds: NDArray[np.float64],
    shore_m: NDArray[np.float64],
    row: NDArray[np.int64],
    limit_s: NDArray[np.float64],
    speed: float,
    most: float,
) -> NDArray[np.float64]:
    """Metres that the points of some rows are too late or too far from a street, clear of 0 and at most `most`."""
    out = np.empty((len(row), seconds.shape[1]))
    for k in range(len(row)):
        for c in range(seconds.shape[1]):
            metres = max((seconds[row[k], c] - limit_s[k]) * speed, shore_m[row[k], c])
            out[k, c] = min(max(metres, CLEAR_M), most) if metres > 0 else max(min(metres, -CLEAR_M), -most)
    return out


@kernel
def _inside(
    corners: NDArray[np.float64],
    ring: NDArray[np.int64],
    shape: NDArray[np.int64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    shapes: int,
) -> NDArray[np.bool_]:
    """Tell which points, y ascending, have an odd number of sides of a shape's rings to the east: row by shape."""
    inside = np.zeros((shapes, len(x)), np.bool_)
    for k in range(len(corners) - 1):
        if ring[k] == ring[k + 1]:
            east, north = corners[k + 1, 0] - corners[k, 0], corners[k + 1, 1] - corners[k, 1]
            low, high = min(corners[k, 1], corners[k + 1, 1]), max(corners[k, 1], corners[k + 1, 1])
            for p in range(np.searchsorted(y, low), np.searchsorted(y, high)):
                if x[p] < corners[k, 0] + (y[p] - corners[k, 1]) / north * east:
                    inside[shape[ring[k]], p] ^= True
    return inside
