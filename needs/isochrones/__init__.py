"""Draw from how far families reach a place: nested polygons, true to the streets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from needs.isochrones.ground import Ground
from needs.routing import MAX_LIMIT_MS
from needs.settings import CRS
from needs.streets import snap
from needs.travel import Network, StraightLines

__all__ = ["per_site", "reach", "with_demand"]

_DRAWN = ("geometry", "missed_pct", "false_pct")


def reach(sites: gpd.GeoDataFrame, graph: Network, *, bands_min: Sequence[float]) -> gpd.GeoDataFrame:
    """Outline where families live who get to any of the sites within so many minutes.

    Times are laid on a grid near the streets and contoured (marching squares: Lorensen and Cline 1987, Computer
    Graphics 21). A grid point belongs to the nearest street, and to those hardly further: so a polygon crosses a
    river, or another barrier, only where streets do.

    Parameters
    ----------
    sites
        Places, EPSG:27700.
    graph
        Streets of one mode, or straight lines, which reach in circles.
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
    if isinstance(graph, StraightLines):
        outlines = [_all_of(graph.reach(sites, band)) for band in bands]
        return gpd.GeoDataFrame({"mode": graph.mode, "minutes": bands}, geometry=outlines, crs=CRS)
    places = snap(graph, sites.geometry.x.to_numpy(), sites.geometry.y.to_numpy())
    field = Ground.of(places, bands[-1]).field(places)
    return gpd.GeoDataFrame({"mode": graph.mode, "minutes": bands}, geometry=field.outlines(bands), crs=CRS)


def per_site(sites: gpd.GeoDataFrame, graph: Network, *, bands_min: Sequence[float]) -> gpd.GeoDataFrame:
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
    ids = {"site_id": np.repeat(ordered["site_id"].to_numpy(), len(bands)), "mode": graph.mode}
    if isinstance(graph, StraightLines):
        shapes = np.column_stack([graph.reach(ordered, band) for band in bands]).ravel()
        unknown = dict.fromkeys(_DRAWN[1:], np.nan)
        return gpd.GeoDataFrame(ids | {"minutes": np.tile(bands, len(ordered)), "geometry": shapes} | unknown, crs=CRS)
    places = snap(graph, ordered.geometry.x.to_numpy(), ordered.geometry.y.to_numpy())
    ground = Ground.of(places, bands[-1])

    def rows(place: int) -> dict[str, NDArray[Any]]:
        field = ground.field(places[place : place + 1])
        shapes = field.outlines(bands)
        missed, false = field.faults_pct(shapes, bands)
        return {"geometry": shapes, "missed_pct": missed, "false_pct": false}

    found = [rows(place) for place in range(len(places))]
    columns: dict[str, Any] = {name: np.concatenate([f[name] for f in found]) if found else [] for name in _DRAWN}
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


def _all_of(shapes: NDArray[np.object_]) -> shapely.MultiPolygon:
    """Make one of many."""
    whole = shapely.union_all(shapes)
    return whole if isinstance(whole, shapely.MultiPolygon) else shapely.MultiPolygon([] if whole.is_empty else [whole])


def _bands(bands_min: Sequence[float]) -> list[float]:
    bands = sorted({float(band) for band in bands_min})
    if not bands or not all(0 < band <= MAX_LIMIT_MS / 120_000 for band in bands):
        msg = f"bands_min is {list(bands_min)}: give minutes over 0 and at most {MAX_LIMIT_MS // 120_000:,}"
        raise ValueError(msg)
    return bands
