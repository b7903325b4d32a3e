"""Put the rows of a table where their coordinates say."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from needs.assessment import Input
from needs.schemas import Table
from needs.schemas.geometry import check_geometry
from needs.settings import CRS, ENGLAND_M
from needs.sources.cells import Place


def placed(frame: pd.DataFrame, spec: Input, table: Table, place: Place, notes: list[str]) -> gpd.GeoDataFrame | None:
    """Give the rows of a table their geometry.

    Parameters
    ----------
    frame
        Columns x and y, or a GeoDataFrame.
    table
        Its `stray` says what becomes of rows without a place in England: faults, or left out and counted, or kept
        for whoever uses them to judge.
    place
        Where faults are noted.
    notes
        Told how many rows are left out.

    Returns
    -------
    geopandas.GeoDataFrame or None
        In EPSG:27700; where rows without a place are kept, in the coordinates of the file and without geometry where
        these are blank. None if there is no geometry at all, or no coordinate system.
    """
    if isinstance(frame, gpd.GeoDataFrame):
        shaped = frame if spec.crs is None else frame.set_crs(spec.crs, allow_override=True)
    else:
        made = _from_columns(frame, spec, table, place)
        if made is None:
            return None
        shaped = made
    if table.stray == "kept":
        if shaped.crs is not None:
            return shaped
        fix = "save the file with one, or set crs in the assessment file"
        place.faults.add(place.where, "the geometry has no coordinate system", fix)
        return None
    if table.stray == "left out" and shaped.crs is not None:
        shaped = _in_england(shaped, notes)
    return check_geometry(shaped, str(table.geometry), where=place.where, row_label=place.label, faults=place.faults)


def _from_columns(frame: pd.DataFrame, spec: Input, table: Table, place: Place) -> gpd.GeoDataFrame | None:
    """Make points of columns x and y; where a table's rows may have no place, none where either is blank."""
    where, faults = place.where, place.faults
    if table.stray == "kept" and not {"x", "y"} & set(frame.columns) and {"postcode", "uprn"} & set(frame.columns):
        return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries([None] * len(frame), index=frame.index), crs=CRS)
    if not {"x", "y"} <= set(frame.columns):
        or_else = ", or map columns.postcode and give an [[input]] of postcodes" if table.stray == "kept" else ""
        faults.add(
            where,
            f"table '{table.name}' needs geometry and the file has none",
            f"map columns.x and columns.y (and set crs), or give a GeoJSON or GeoPackage{or_else}",
        )
        return None
    if spec.crs is None:
        faults.add(where, "crs is missing for columns x and y", 'add crs = "EPSG:27700" or crs = "EPSG:4326"')
        return None
    points = gpd.GeoSeries(gpd.points_from_xy(frame["x"], frame["y"]), index=frame.index, crs=spec.crs)
    blank = frame["x"].isna() | frame["y"].isna()
    shaped = gpd.GeoDataFrame(frame.drop(columns=["x", "y"]), geometry=points.where(~blank))
    if table.stray == "kept":
        return shaped
    if table.stray == "fault":
        told = [(place.label(int(i)), "has no coordinates") for i in frame.index[blank]]
        faults.add_each(where, told, "fill them in, or drop the row")
        shaped = shaped[~blank]
    return shaped


def _in_england(points: gpd.GeoDataFrame, notes: list[str]) -> gpd.GeoDataFrame:
    """Leave out the points that are not in England, unless none is: then that is the fault to be told."""
    west, south, east, north = ENGLAND_M
    at = points.geometry.to_crs(CRS)
    here = (at.x >= west) & (at.x <= east) & (at.y >= south) & (at.y <= north)
    if not here.any():
        return points
    if not here.all():
        notes.append(f"{int((~here).sum()):,} rows have no place in England, and are left out.")
    return points[here]
