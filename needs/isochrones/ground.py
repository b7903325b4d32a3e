"""Bring the points of a grid to the streets that they belong to, and times from the streets to the points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from needs.isochrones.arrival import Search, lay
from needs.isochrones.grid import Grid
from needs.isochrones.outlines import Field
from needs.kernels import kernel
from needs.streets import NO_WAY, Graph, Snapped, modes

# Metres between the points on which times are laid, and how near a street is: where the last band is near, and where it
# is far. Far out, streets lie apart with only fields between.
FINE_M, ROUGH_M = (25.0, 100.0), (50.0, 300.0)
FAR_M = 5_000.0  # the last band is far if its minutes bring one further than this at the streets' usual speed
HARDLY = 0.25  # of a cell: streets that are no more than this further from a point than the nearest are as good


@dataclass(frozen=True)
class Ground:
    """Which streets the points of a grid belong to, for all places of one task.

    Attributes
    ----------
    northward
        All junctions from the south.
    street_m
        Metres to the nearest street, at most those that matter, shape (rows, columns).
    first
        Line l has the doors `first[l]` to `first[l + 1]`, shape (lines + 1,).
    row, column, share, metres
        Of each door: its point of the grid, how far along the line it opens, and how far off.
    """

    graph: Graph
    limit_s: float
    grid: Grid
    northward: NDArray[np.int64]
    street_m: NDArray[np.float64]
    first: NDArray[np.int64]
    row: NDArray[np.int32]
    column: NDArray[np.int32]
    share: NDArray[np.float32]
    metres: NDArray[np.float32]

    @classmethod
    def of(cls, places: Snapped, last_min: float) -> Ground:
        """Prepare the ground within `last_min` of any of the places."""
        graph = places.graph
        lines, edges = graph.lines, graph.edges
        once = np.where(edges.forward_ms == NO_WAY, edges.backward_ms, edges.forward_ms)
        far = edges.metres.sum() / once.sum() * last_min * 60_000 > FAR_M
        cell_m, near_m = ROUGH_M if far else FINE_M
        # a band's outline depends on points up to a cell outside it
        limit_s = last_min * 60 + cell_m / (modes()[graph.mode].connector_kph / 3.6)
        reached, _, _ = Search.of(places, limit_s).pieces()
        grid = Grid.around(lines, reached, cell_m, near_m)
        lived = np.zeros(len(lines), dtype=bool)
        lived[graph.fronts] = True
        some = np.flatnonzero(lived & grid.touched(lines.x, lines.y))
        frame = (near_m, cell_m, grid.west * cell_m, grid.south * cell_m)
        street_m = _nearest(lines.x, lines.y, some, *frame, grid.rows, grid.columns)
        north = np.argsort(graph.y, kind="stable")
        return cls(graph, limit_s, grid, north, street_m, *_doors(lines.x, lines.y, some, *frame, street_m))

    def field(self, places: Snapped) -> Field:
        """Lay the times to the soonest of some of the places on a grid around what is reached."""
        search = Search.of(places, self.limit_s)
        line, ends_s, part = search.pieces()
        lines, grid = self.graph.lines, Grid.around(self.graph.lines, line, self.grid.cell_m, self.grid.near_m)
        seconds = np.full((grid.rows, grid.columns), np.inf)
        speed = modes()[self.graph.mode].connector_kph / 3.6
        lay(
            line, ends_s, part, lines.to_start_s, lines.to_end_s,
            self.first, self.row, self.column, self.share, self.metres,
            grid.south - self.grid.south, grid.west - self.grid.west, grid.cell_m / 2, speed, seconds,
        )  # fmt: skip
        street_m = self.grid.part(self.street_m, grid) if len(line) else np.full_like(seconds, np.inf)
        return Field(search, grid, self.northward, seconds, street_m - grid.near_m, speed)


@kernel
def _span(a: float, b: float, radius: float, cell_m: float, begin: float, count: int) -> tuple[int, int]:
    """Find the rows or columns of a grid that are within the radius of a line from a to b."""
    low = np.ceil((min(a, b) - radius - begin) / cell_m)
    high = np.floor((max(a, b) + radius - begin) / cell_m)
    return max(int(low), 0), min(int(high) + 1, count)


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
    near_m: float,
    cell_m: float,
    west: float,
    south: float,
    rows: int,
    columns: int,
) -> NDArray[np.float64]:
    """Metres from every point of the grid to the nearest line, as far as they matter."""
    radius = near_m + cell_m
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
    metres: NDArray[np.float64] = np.sqrt(near)
    return metres


@kernel
def _doors(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    lines: NDArray[np.int64],
    near_m: float,
    cell_m: float,
    west: float,
    south: float,
    street_m: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """Find the lines that are hardly further from a point of the grid than the nearest."""
    rows, columns = street_m.shape
    radius = near_m + cell_m
    most = np.minimum(street_m + HARDLY * cell_m, radius) ** 2
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
