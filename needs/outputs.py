"""Write an assessment's tables, plan and provenance: all or nothing, the same bytes for the same inputs."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio

from needs.settings import CRS_WEB
from needs.sources.files import sha256

_FIXED_DATE = "2026-01-01T00:00:00.000Z"  # GeoPackage stamps its tables: a fixed stamp keeps the bytes the same


def write_folder(folder: Path, writers: dict[str, Callable[[Path], None]]) -> dict[str, str]:
    """Write a folder of files in one move: either all of them are there afterwards, or the old folder is untouched.

    Parameters
    ----------
    folder
        Where the files go; what stands there is replaced.
    writers
        By file name: a function that writes it to the path it is given.

    Returns
    -------
    dict
        SHA-256 by file name, in the order of `writers`.
    """
    new, old = folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
    if old.exists() and not folder.exists():  # a build was stopped between the two renames below
        old.rename(folder)
    for rest in (new, old):
        shutil.rmtree(rest, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        for name, write in writers.items():
            path = new / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    hashes = {name: sha256(new / name) for name in writers}
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
    return hashes


def write_file(path: Path, text: str) -> None:
    """Write a text file in one move."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, "utf-8", newline="\n")
    os.replace(part, path)  # noqa: PTH105 - Path.replace is the same call; os.replace says that it is atomic


def as_json(content: Any) -> str:
    """Give JSON text with numbers to six significant decimals and no NaN (null stands for unreachable)."""
    return json.dumps(_plain(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if hasattr(value, "item"):
        value = value.item()
    if value is pd.NA or value is None:
        return None
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value


def csv_writer(table: pd.DataFrame) -> Callable[[Path], None]:
    """Write a table as CSV (UTF-8, six decimals, lists joined by "; "); geometry becomes longitude and latitude."""
    flat = table
    if isinstance(table, gpd.GeoDataFrame):
        flat = pd.DataFrame(table.drop(columns=table.geometry.name))
        if (table.geom_type == "Point").all():
            degrees = table.geometry.to_crs(CRS_WEB)
            flat = flat.assign(longitude=degrees.x.round(6), latitude=degrees.y.round(6))
    flat = _listless(flat)
    return lambda path: flat.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")


def parquet_writer(table: pd.DataFrame) -> Callable[[Path], None]:
    """Write a table as Parquet."""
    return lambda path: table.to_parquet(path, index=False)


def text_writer(text: str) -> Callable[[Path], None]:
    """Write a text."""

    def write(path: Path) -> None:
        path.write_text(text, "utf-8", newline="\n")

    return write


def geopackage_writer(layers: dict[str, gpd.GeoDataFrame]) -> Callable[[Path], None]:
    """Write layers (EPSG:27700) to one GeoPackage."""

    def write(path: Path) -> None:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _FIXED_DATE})
        try:
            for name, layer in layers.items():
                pyogrio.write_dataframe(_listless(layer), path, layer=name, driver="GPKG", append=path.exists())
        finally:
            pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})

    return write


def _listless(table: pd.DataFrame) -> pd.DataFrame:
    lists = [c for c in table.columns if table[c].map(lambda v: isinstance(v, list)).any()]
    return table.assign(**{c: table[c].map("; ".join) for c in lists})


def open_referral(area: str, sites: gpd.GeoDataFrame) -> dict[str, pd.DataFrame]:
    """Describe the recommended sites as Open Referral UK (3.0) tables.

    Parameters
    ----------
    area
        Name of the council.
    sites
        Recommended sites: site_id, name, offer, status; EPSG:27700.

    Returns
    -------
    dict
        organizations, services, locations and service_at_locations, keyed by stable identifiers. A service that has
        yet to open is "inactive".
    """
    degrees = sites.geometry.to_crs(CRS_WEB)
    organization = hashlib.sha256(area.encode()).hexdigest()[:16]
    offers = sites["offer"].map({"hub": "Family hub", "outreach": "Family hub outreach sessions"})
    ids = sites["site_id"]
    names = sites["name"].astype(str)
    return {
        "organizations": pd.DataFrame({"id": [organization], "name": [area], "description": [f"Council of {area}"]}),
        "services": pd.DataFrame(
            {
                "id": "service-" + ids,
                "organization_id": organization,
                "name": offers + ", " + names,
                "status": ["active" if s == "keep" else "inactive" for s in sites["status"]],
            }
        ),
        "locations": pd.DataFrame(
            {
                "id": "location-" + ids,
                "location_type": "physical",
                "name": names,
                "latitude": degrees.y.round(6),
                "longitude": degrees.x.round(6),
            }
        ),
        "service_at_locations": pd.DataFrame(
            {"id": "at-" + ids, "service_id": "service-" + ids, "location_id": "location-" + ids}
        ),
    }
