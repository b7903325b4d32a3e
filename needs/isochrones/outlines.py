"""Draw outlines round what is in time, and say how far they are wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import shapely
from contourpy import FillType, contour_generator
from numpy.typing import NDArray

from needs.isochrones.arrival import Search
from needs.isochrones.grid import Grid
from needs.kernels import kernel

CLEAR_M = 0.01  # no grid point is nearer to an outline than this, so that outlines, in millimetres, never touch


# Points, offsets of rings and of polygons; None where there are none.
_Chunks = tuple[list[Any], list[Any], list[Any]]


@dataclass(frozen=True)
class Field:
    """Seconds on a grid, and metres (negative: near) to where streets are too far."""

    search: Search
    grid: Grid
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
        (at,), (ring,), (polygon,) = cast("_Chunks", generator.filled(-2 * cell_m, 0.0))
        if at is None:
            return shapes
        ring, polygon = ring.astype(np.int64), polygon.astype(np.int64)
        below = at[:, 1].astype(np.int64)
        corners = (
            at + np.column_stack([np.full(len(at), self.grid.west), row[below] - below + self.grid.south])
        ) * cell_m
        polygons, owner = _filled(np.round(corners, 3), ring, polygon, band[below[ring[:-1]]], self.grid.near_m**2)
        shapely.multipolygons(polygons, indices=owner, out=shapes)
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
    corners: NDArray[np.float64],
    ring: NDArray[np.int64],
    polygon: NDArray[np.int64],
    band: NDArray[np.int64],
    fill_m2: float,
) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Make polygons of contours without the holes below `fill_m2`, and without what lies in those; give their bands.

    Ring r, of a band, has the corners `ring[r]` to `ring[r + 1]`; polygon p the rings `polygon[p]` to
    `polygon[p + 1]`, the outer one first. Of a band within another, all is filled that is filled in it or open there:
    a hole of the larger lies in one of the smaller.
    """
    x, y = (corners - corners[0]).T
    cross = np.append(x[:-1] * y[1:] - x[1:] * y[:-1], 0.0)
    cross[ring[1:] - 1] = 0.0
    outer = polygon[:-1]
    small = np.abs(np.add.reduceat(cross, ring[:-1])) / 2 < fill_m2
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
