"""Draw how far a place reaches: nested polygons, true to the streets."""

from __future__ import annotations

import itertools

import geopandas as gpd
import numpy as np
import shapely
from contourpy import FillType, contour_generator
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from needs import routing
from needs.settings import CRS
from needs.streets import Graph, modes
from needs.travel import snap_places

CELL_M = 50.0  # of the grid on which times are laid
NEAR_M = 100.0  # a cell belongs to the street if a street node is as near as this
FILL_M2 = 10_000.0  # holes smaller than this (100 m by 100 m) are filled


def reach(sites: gpd.GeoDataFrame, graph: Graph, *, bands_min: list[float]) -> gpd.GeoDataFrame:
    """Outline where families live who get to any of the sites within so many minutes.

    Times are laid on a grid near the streets only, so that no polygon jumps a river; all bands are contours of that
    one field, so that they nest.

    Parameters
    ----------
    sites
        Places, EPSG:27700.
    graph
        Streets of one mode.
    bands_min
        Minutes.

    Returns
    -------
    geopandas.GeoDataFrame
        mode, minutes, geometry (multipolygon, EPSG:27700; empty where nothing is within reach), one row per band,
        ascending.
    """
    bands = sorted(bands_min)
    place = snap_places(sites, graph)
    ms = routing.from_nearest_ms(graph.arcs.reversed, place.arrive(), limit_ms=round(bands[-1] * 60_000))
    shapes = _contours(graph, np.where(ms == routing.UNREACHED, np.nan, ms / 60_000), bands)
    return gpd.GeoDataFrame({"mode": graph.mode, "minutes": bands}, geometry=shapes, crs=CRS)


def _contours(graph: Graph, minutes: NDArray[np.float64], bands: list[float]) -> list[shapely.MultiPolygon]:
    reached = np.flatnonzero(np.isfinite(minutes))
    if not len(reached):
        return [shapely.MultiPolygon()] * len(bands)
    x, y = graph.x[reached], graph.y[reached]
    margin = NEAR_M + 2 * CELL_M
    columns = np.arange(np.floor((x.min() - margin) / CELL_M), np.ceil((x.max() + margin) / CELL_M) + 1) * CELL_M
    rows = np.arange(np.floor((y.min() - margin) / CELL_M), np.ceil((y.max() + margin) / CELL_M) + 1) * CELL_M
    grid_x, grid_y = np.meshgrid(columns, rows)
    metres, node = cKDTree(np.column_stack([x, y])).query(
        np.column_stack([grid_x.ravel(), grid_y.ravel()]), k=4, distance_upper_bound=NEAR_M
    )
    known = np.concatenate([minutes[reached], [np.inf]])  # the tree gives index n where nothing is near
    connector = np.where(np.isfinite(metres), metres, 0.0) / modes()[graph.mode].connector_kph * 0.06
    field = (known[np.minimum(node, len(reached))] + connector).min(axis=1)
    beyond = bands[-1] * 2.0 + 60.0
    field = np.where(np.isfinite(field), field, beyond).reshape(grid_x.shape)
    generator = contour_generator(columns, rows, field, fill_type=FillType.OuterOffset)
    return [_filled(*generator.filled(-1.0, band)) for band in bands]


def _filled(points: list[NDArray[np.float64]], offsets: list[NDArray[np.uint32]]) -> shapely.MultiPolygon:
    """Make polygons of contour rings, outer ring first, without the small holes."""
    polygons = []
    for ring_points, starts in zip(points, offsets, strict=True):
        rings = [ring_points[a:b] for a, b in itertools.pairwise(starts)]
        holes = [r for r in rings[1:] if shapely.Polygon(r).area > FILL_M2]
        polygons.append(shapely.Polygon(rings[0], holes))
    merged = shapely.union_all(shapely.make_valid(np.array(polygons))) if polygons else shapely.MultiPolygon()
    parts = [p for p in shapely.get_parts(merged) if p.geom_type == "Polygon"]
    return shapely.MultiPolygon(parts)
