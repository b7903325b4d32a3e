"""Read a quiet base map (roads, rail, water, woods, places) from an OpenStreetMap extract."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import shapely

from needs.errors import InputError, SourceError, fail
from needs.settings import CRS, CRS_WEB

# Class: column of GDAL's OSM driver, and the values in it that count.
_Classes = dict[str, dict[str, tuple[str, ...]]]
_LINES: _Classes = {
    "road_main": {"highway": ("motorway", "motorway_link", "trunk", "trunk_link", "primary", "primary_link")},
    "road_mid": {"highway": ("secondary", "secondary_link", "tertiary", "tertiary_link")},
    "road_minor": {"highway": ("unclassified", "residential", "living_street", "road")},
    "rail": {"railway": ("rail",)},
    "river": {"waterway": ("river", "canal")},
}
_POLYGONS: _Classes = {
    "water": {"natural": ("water",), "landuse": ("reservoir", "basin")},
    "green": {
        "natural": ("wood",),
        "landuse": ("forest", "recreation_ground"),
        "leisure": ("park", "nature_reserve", "common", "golf_course"),
    },
}
PLACES = ("city", "town", "suburb", "village", "hamlet")
_POINTS: _Classes = {"places": {"place": PLACES}}
MARGIN_M = 3_000.0  # beyond the council's bounds
MINOR_VERTICES = 60_000  # above this, minor roads are left out: they would outweigh everything else


def empty_basemap() -> dict[str, Any]:
    """Return the base map of an area without an extract: every class, nothing in it."""
    base: dict[str, Any] = {name: gpd.GeoSeries([], crs=CRS) for name in (*_LINES, *_POLYGONS)}
    base["places"] = gpd.GeoDataFrame({"name": [], "place": []}, geometry=[], crs=CRS)
    return base


def tolerance_m(bounds: Sequence[float]) -> float:
    """How far a line may move when it is simplified: a quarter of a pixel at first view or so, never under 4 m."""
    west, south, east, north = bounds
    return max(4.0, max(east - west, north - south) / 4000)


def read_basemap(osm_path: Path, bounds: Sequence[float]) -> dict[str, Any]:
    """Read the base map around an area.

    Parameters
    ----------
    osm_path
        OpenStreetMap extract, .osm.pbf or .osm (XML), read with GDAL's OSM driver.
    bounds
        West, south, east, north of the area, metres, EPSG:27700.

    Returns
    -------
    dict
        `road_main`, `road_mid`, `road_minor`, `rail`, `river` (lines), `water`, `green` (polygons): GeoSeries in
        EPSG:27700, clipped to the bounds and 3 km around them, merged and simplified; empty where the extract has
        none. `places`: GeoDataFrame with `name`, `place` (city, town, suburb, village, hamlet) and points.

    Raises
    ------
    SourceError
        If there is no such file.
    InputError
        If it cannot be read as OpenStreetMap data.
    """
    if not osm_path.is_file():
        fail(SourceError, osm_path.name, "there is no such extract", "download it, or build without a base map")
    west, south, east, north = bounds
    frame = shapely.box(west - MARGIN_M, south - MARGIN_M, east + MARGIN_M, north + MARGIN_M)
    tolerance = tolerance_m(bounds)
    base = empty_basemap()
    for name, found in _read(osm_path, "lines", _LINES, frame).items():
        base[name] = _lines(found, tolerance)
    if shapely.get_num_coordinates(base["road_minor"].to_numpy()).sum() > MINOR_VERTICES:
        base["road_minor"] = gpd.GeoSeries([], crs=CRS)
    for name, found in _read(osm_path, "multipolygons", _POLYGONS, frame).items():
        base[name] = _polygons(found, tolerance)
    places = _read(osm_path, "points", _POINTS, frame, "name")["places"]
    base["places"] = places.loc[places["name"].notna(), ["name", "place", "geometry"]].reset_index(drop=True)
    return base


def _read(path: Path, layer: str, classes: _Classes, frame: shapely.Polygon, *more: str) -> dict[str, gpd.GeoDataFrame]:
    """Read a layer once; give by class what touches the frame, in EPSG:27700, cut at the frame."""
    box = tuple(gpd.GeoSeries([frame], crs=CRS).to_crs(CRS_WEB).total_bounds)
    wanted: dict[str, set[str]] = {}
    for counts in classes.values():
        for column, values in counts.items():
            wanted.setdefault(column, set()).update(values)
    where = " OR ".join(f'"{c}" IN ({",".join(map(repr, sorted(values)))})' for c, values in wanted.items())
    try:
        with warnings.catch_warnings():
            # Rings that the extract's edge has cut open: GDAL leaves them out and says so for each.
            warnings.simplefilter("ignore", RuntimeWarning)
            found = pyogrio.read_dataframe(path, layer=layer, columns=[*wanted, *more], where=where, bbox=box)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        fail(InputError, path.name, f"cannot be read as OpenStreetMap data: {error}", "download the extract again")
    if found.empty:
        found = gpd.GeoDataFrame({c: [] for c in (*wanted, *more)}, geometry=[], crs=CRS)
    metric = found.to_crs(CRS)
    cut = metric.set_geometry(shapely.intersection(shapely.make_valid(metric.geometry.to_numpy()), frame), crs=CRS)
    cut = cut[~cut.geometry.is_empty]
    inside = {
        name: np.logical_or.reduce([cut[column].isin(values) for column, values in counts.items()])
        for name, counts in classes.items()
    }
    return {name: cut[mark].reset_index(drop=True) for name, mark in inside.items()}


def _lines(found: gpd.GeoDataFrame, tolerance: float) -> gpd.GeoSeries:
    """Join ways end to end, then simplify."""
    parts = [p for p in shapely.get_parts(found.geometry.to_numpy()) if p.geom_type == "LineString"]
    merged = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(parts))) if parts else []
    return gpd.GeoSeries(shapely.simplify(merged, tolerance) if parts else [], crs=CRS)


def _polygons(found: gpd.GeoDataFrame, tolerance: float) -> gpd.GeoSeries:
    """Unite, simplify, and leave out what would be smaller than a few pixels."""
    united = shapely.union_all(found.geometry.to_numpy())
    parts = shapely.simplify(shapely.get_parts(united), tolerance)
    return gpd.GeoSeries([p for p in parts if p.geom_type == "Polygon" and p.area > (10 * tolerance) ** 2], crs=CRS)
