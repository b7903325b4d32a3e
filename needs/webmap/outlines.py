"""Write the outlines of very many zones as small whole numbers, simplified together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from needs.settings import CRS

CRS_SCREEN = "EPSG:3857"  # what Leaflet draws in: the page multiplies and adds, and projects nothing
ENGLAND_ZONES, ENGLAND_TOLERANCE_M = 33_755, 60.0
LEAST_TOLERANCE_M = 4.0
STEPS = 5  # in a tolerance: rounding moves a point by a tenth of what simplifying does


@dataclass(frozen=True)
class Outlines:
    """Outlines of zones and of the councils that they make up.

    Attributes
    ----------
    corner, step
        North-west corner in EPSG:3857, and the size of one unit there, metres. x counts to the east, y to the south.
    zones
        `rings` of each zone, `points` of each ring, and all points, each as the difference to the one before
        (`xy`: x, y, x, y ...). No ring repeats its first point; holes run the other way round.
    councils
        The same, one "zone" per council.
    """

    corner: tuple[float, float]
    step: float
    zones: dict[str, list[int]]
    councils: dict[str, list[int]]


def tolerance_m(count: int) -> float:
    """How far a line may move: 60 m where all of England is drawn, less where zones are fewer and drawn larger.

    Zones take up room by their number, so that lengths go with its square root.
    """
    return max(LEAST_TOLERANCE_M, ENGLAND_TOLERANCE_M * math.sqrt(count / ENGLAND_ZONES))


def simplified(zones: gpd.GeoSeries) -> gpd.GeoSeries:
    """Simplify zones together, so that neighbours go on sharing their edges.

    Islets smaller than a square of the tolerance are left out, but never the largest part of a zone.
    """
    tolerance = tolerance_m(len(zones))
    parts, zone = shapely.get_parts(zones.simplify_coverage(tolerance).to_numpy(), return_index=True)
    area = shapely.area(parts)
    largest = np.zeros(len(zones))
    np.maximum.at(largest, zone, area)
    kept = (area >= tolerance**2) | (area == largest[zone])
    return gpd.GeoSeries(shapely.multipolygons(parts[kept], indices=zone[kept]), index=zones.index, crs=zones.crs)


def outlines(zones: gpd.GeoSeries, council: np.ndarray[Any, Any]) -> Outlines:
    """Simplify and encode.

    Parameters
    ----------
    zones
        (Multi)polygons in EPSG:27700, none of them empty.
    council
        Number of each zone's council, 0 to the number of councils less one.

    Returns
    -------
    Outlines
        Every zone keeps at least one ring: one too small for a unit becomes a triangle of one.
    """
    slim = simplified(zones)
    whole = [shapely.make_valid(slim.to_numpy()[council == k]) for k in range(int(council.max()) + 1)]
    joined = gpd.GeoSeries([shapely.union_all(shapes) for shapes in whole], crs=CRS)
    screen = slim.to_crs(CRS_SCREEN)
    west, _, _, north = screen.total_bounds
    corner, step = (float(round(west)), float(round(north))), float(round(tolerance_m(len(zones)) / STEPS, 1))
    return Outlines(
        corner,
        step,
        encoded(screen.to_numpy(), corner, step),
        encoded(joined.to_crs(CRS_SCREEN).to_numpy(), corner, step),
    )


def encoded(shapes: np.ndarray[Any, Any], corner: tuple[float, float], step: float) -> dict[str, list[int]]:
    """Write polygons in EPSG:3857 as numbers; see `Outlines`."""
    parts, shape_of_part = shapely.get_parts(shapes, return_index=True)
    areal = shapely.get_dimensions(parts) == 2
    rings, part = shapely.get_rings(shapely.orient_polygons(parts[areal], exterior_cw=True), return_index=True)
    metres, ring = shapely.get_coordinates(rings, return_index=True)
    at = np.rint((metres - corner) / step * (1, -1)).astype(np.int64)
    again = np.append((ring[1:] == ring[:-1]) & (at[1:] == at[:-1]).all(axis=1), False)  # as the next point
    closing = np.append(ring[1:] != ring[:-1], True)
    at, ring = at[~again & ~closing], ring[~again & ~closing]
    points = np.bincount(ring, minlength=len(rings))
    kept = points >= 3
    at, shape = at[kept[ring]], shape_of_part[areal][part][kept]
    count = np.bincount(shape, minlength=len(shapes))
    points = points[kept]
    lost = np.flatnonzero(count == 0)
    if len(lost):
        middle = shapely.get_coordinates(shapely.centroid(shapes[lost]))
        first = np.rint((middle - corner) / step * (1, -1)).astype(np.int64)
        before = np.searchsorted(shape, lost)  # rings of the zones before
        start = np.concatenate([[0], np.cumsum(points)])[before]
        triangle = (first[:, None, :] + [[0, 0], [1, 0], [0, 1]]).reshape(-1, 2)
        at = np.insert(at, np.repeat(start, 3), triangle, axis=0)
        points = np.insert(points, before, 3)
        count[lost] = 1
    steps = np.diff(at, axis=0, prepend=0)
    return {"rings": count.tolist(), "points": points.tolist(), "xy": steps.ravel().tolist()}
