"""Bring the geometry of a table to one coordinate system, and check that it lies in England."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import geopandas as gpd
import pandas as pd

from needs.errors import Faults
from needs.settings import CRS, ENGLAND_DEG, ENGLAND_M


def check_geometry(
    frame: gpd.GeoDataFrame, kind: str, *, where: str, row_label: Callable[[int], str], faults: Faults
) -> gpd.GeoDataFrame:
    """Bring geometry to EPSG:27700 and check that it lies in England and is of the right kind.

    Parameters
    ----------
    frame
        Geometry in any coordinate system that is stated.
    kind
        "point" or "polygon".
    where, row_label, faults
        As in `schemas.check_table`.

    Returns
    -------
    geopandas.GeoDataFrame
        In EPSG:27700, without heights.
    """
    if frame.crs is None:
        faults.add(
            where,
            "the geometry has no coordinate system",
            "save the file with one, or set crs in the assessment file",
        )
        return frame

    def note(rows: pd.Index, what: Callable[[Any], str], fix: str) -> None:
        faults.add_each(where, [(row_label(int(i)), what(i)) for i in rows], fix)

    frame = frame.set_geometry(frame.geometry.force_2d())  # a ring of which some points have a height is closed in 2-D
    empty = frame.index[frame.geometry.is_empty | frame.geometry.isna()]
    note(empty, lambda _: "has no geometry", "give it one, or drop the row")
    frame = frame.loc[frame.index.difference(empty)]
    if frame.crs.is_geographic and _swapped(frame):
        faults.add(
            where,
            "latitude and longitude look swapped: read the other way round the points lie in England",
            "swap the two columns in the assessment file",
        )
        return frame
    metric = frame.to_crs(CRS)
    west, south, east, north = ENGLAND_M
    box = metric.geometry.bounds
    outside = metric.index[~((box.minx >= west) & (box.miny >= south) & (box.maxx <= east) & (box.maxy <= north))]
    note(
        outside,
        lambda i: f"lies outside England ({frame.geometry[i].representative_point().wkt})",
        "check the coordinates and their coordinate system",
    )
    wanted = {"point": {"Point"}, "polygon": {"Polygon", "MultiPolygon"}}[kind]
    odd = metric.index[~metric.geom_type.isin(wanted)]
    note(odd, lambda i: f"is a {metric.geom_type[i]}", f"a {kind} is needed")
    crossed = metric.index[~metric.geometry.is_valid & (kind == "polygon")]
    note(crossed, lambda _: "its outline crosses itself", "repair it (for example with make_valid in QGIS)")
    return metric


def _swapped(frame: gpd.GeoDataFrame) -> bool:
    """Whether the points lie in England only when x and y change places."""
    west, south, east, north = ENGLAND_DEG
    box = frame.geometry.bounds
    inside = (box.minx >= west) & (box.maxx <= east) & (box.miny >= south) & (box.maxy <= north)
    mirrored = (box.miny >= west) & (box.maxy <= east) & (box.minx >= south) & (box.maxx <= north)
    return bool(len(frame)) and not inside.any() and bool(mirrored.all())
