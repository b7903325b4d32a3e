"""Read a raw file of any common format into the columns of its table, with every fault named by row."""

from __future__ import annotations

import hashlib
import string
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio

from needs.assessment import Input
from needs.errors import Faults
from needs.schemas import TABLES, Table, check_geometry, check_table, kind_of

_UNREADABLE = (
    OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, pa.ArrowException, pyogrio.errors.DataSourceError,
    pyogrio.errors.DataLayerError,
)  # fmt: skip
_GEO = {".geojson", ".json", ".gpkg", ".shp", ".fgb"}
_FLAGS = {
    "true": True,
    "yes": True,
    "y": True,
    "1": True,
    "false": False,
    "no": False,
    "n": False,
    "0": False,
}


def resolve(spec: Input, raw: Path, faults: Faults) -> Path | None:
    """Give the path of a raw file, or note that it is not there."""
    path = raw / spec.path
    if path.is_file():
        return path
    faults.add_missing(
        f"input '{spec.id}'",
        f"{spec.path} ({spec.title}, {spec.publisher}) is not in {raw}",
        f"put it there{f' (from {spec.url})' if spec.url else ''}, name its folder with --raw, or correct its path",
    )
    return None


def sha256(path: Path) -> str:
    """Hash a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_table(spec: Input, path: Path, faults: Faults) -> pd.DataFrame | None:
    """Read one input and check it against the contract of its table.

    Parameters
    ----------
    spec
        The input: which column is what, which rows count, which values hold for all rows.
    path
        CSV (also gzipped; UTF-8 or Windows-1252), XLSX, Parquet, GeoJSON, GeoPackage or another vector file.
    faults
        Collector of what is wrong.

    Returns
    -------
    pandas.DataFrame or None
        The table's columns; a GeoDataFrame in EPSG:27700 where the table has geometry. None if the file could not be
        read or a mapped column is not in it.
    """
    table = TABLES[spec.table]
    where = f"{spec.path} (input '{spec.id}')"
    try:
        frame = _read(path, spec)
    except _UNREADABLE as error:
        faults.add(
            where,
            f"cannot be read: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
            "open it in the program that made it and save it again, or correct 'path', 'sheet' or 'layer'",
        )
        return None
    headings = {*spec.columns.values(), *spec.where}
    absent = sorted(h for h in headings if h not in frame.columns)
    for heading in absent:
        faults.add(
            where,
            f"column {heading!r} is missing; the file has {', '.join(repr(str(c)) for c in frame.columns[:15])}",
            "correct the heading in the assessment file, or the file",
        )
    if absent:
        return None
    label = _row_label(path)
    frame = _filtered(frame, spec)
    if frame.empty:
        faults.add(
            where,
            "has no rows" + (" that meet 'where'" if spec.where else ""),
            "correct 'where', or the file",
        )
        return None
    frame = _named(frame, spec, table, where, label, faults)
    if table.geometry:
        placed = _placed(frame, spec, table, where, label, faults)
        if placed is None:
            return None
        frame = placed
    return check_table(frame, table, where=where, row_label=label, faults=faults)


def _read(path: Path, spec: Input) -> pd.DataFrame:
    name = path.name.lower()
    if name.endswith((".csv", ".csv.gz")):
        options: dict[str, Any] = {"dtype": str, "keep_default_na": False, "na_values": [""]}
        try:
            csv: pd.DataFrame = pd.read_csv(path, encoding="utf-8-sig", **options)
        except UnicodeDecodeError:
            csv = pd.read_csv(path, encoding="cp1252", **options)
        return csv
    if name.endswith((".xlsx", ".xlsm")):
        return pd.read_excel(path, sheet_name=spec.sheet or 0, dtype=object)
    if name.endswith((".parquet", ".geoparquet")):
        with pq.ParquetFile(path) as file:
            spatial = b"geo" in (file.schema_arrow.metadata or {})
        records: pd.DataFrame = gpd.read_parquet(path) if spatial else pd.read_parquet(path)
        return records
    if path.suffix.lower() in _GEO:
        features: pd.DataFrame = gpd.read_file(path, **({"layer": spec.layer} if spec.layer else {}))
        return features
    msg = f"{path.suffix or 'no ending'} is not a format that is read (CSV, XLSX, Parquet, GeoJSON, GeoPackage)"
    raise ValueError(msg)


def _row_label(path: Path) -> Callable[[int], str]:
    if path.name.lower().endswith((".csv", ".csv.gz", ".xlsx", ".xlsm")):
        return lambda i: f"line {i + 2}"  # the heading is line 1
    return lambda i: f"record {i + 1}"


def _filtered(frame: pd.DataFrame, spec: Input) -> pd.DataFrame:
    for heading, values in spec.where.items():
        frame = frame[frame[heading].astype(str).isin(values)]
    if spec.drop_unnamed:
        frame = frame[frame[spec.columns["name"]].notna()]
    return frame


def _named(
    frame: pd.DataFrame, spec: Input, table: Table, where: str, label: Callable[[int], str], faults: Faults
) -> pd.DataFrame:
    """Rename, add constants, and turn the text of a file into numbers and flags."""
    columns = {name: frame[heading] for name, heading in spec.columns.items()}
    result = pd.DataFrame(columns, index=frame.index)
    for name, value in spec.values.items():
        result[name] = value
    if spec.title_case:
        result["name"] = result["name"].map(string.capwords, na_action="ignore")
    if spec.name_suffix:
        bare = result["name"].map(lambda n: str(n).removesuffix(spec.name_suffix), na_action="ignore")
        result["name"] = bare + spec.name_suffix
    for name in map(str, result.columns):
        match kind_of(table, name):
            case "flag":
                result[name] = _flags(result[name], name, where, label, faults)
            case "number":
                result[name] = _numbers(result[name], name, where, label, faults)
            case _:
                result[name] = result[name].map(lambda v: v.strip() if isinstance(v, str) else v)
    if isinstance(frame, gpd.GeoDataFrame):
        result = gpd.GeoDataFrame(result, geometry=frame.geometry, crs=frame.crs)
    return result


def _numbers(
    values: pd.Series[Any], name: str, where: str, label: Callable[[int], str], faults: Faults
) -> pd.Series[Any]:
    numbers = pd.to_numeric(values, errors="coerce")
    bad = values.index[numbers.isna() & values.notna()]
    told = [(label(int(i)), f"'{name}' is {values[i]!r}: must be a number") for i in bad]
    faults.add_each(where, told, "correct it, or leave it blank")
    return numbers.where(~numbers.index.isin(bad), 0.0).astype(float)  # told once: not as a blank as well


def _flags(
    values: pd.Series[Any], name: str, where: str, label: Callable[[int], str], faults: Faults
) -> pd.Series[Any]:
    flags = values.map(lambda v: _FLAGS.get(str(v).strip().casefold()))
    told = [(label(int(i)), f"'{name}' is {values[i]!r}: must be yes or no") for i in values.index[flags.isna()]]
    faults.add_each(where, told, "correct it")
    return flags.fillna(value=False).astype(bool)


def _placed(
    frame: pd.DataFrame, spec: Input, table: Table, where: str, label: Callable[[int], str], faults: Faults
) -> gpd.GeoDataFrame | None:
    if not isinstance(frame, gpd.GeoDataFrame):
        if not {"x", "y"} <= set(frame.columns):
            faults.add(
                where,
                f"table '{table.name}' needs geometry and the file has none",
                "map columns.x and columns.y (and set crs), or give a GeoJSON or GeoPackage",
            )
            return None
        if spec.crs is None:
            faults.add(where, "crs is missing for columns x and y", 'add crs = "EPSG:27700" or crs = "EPSG:4326"')
            return None
        blank = frame.index[frame["x"].isna() | frame["y"].isna()]
        told = [(label(int(i)), "has no coordinates") for i in blank]
        faults.add_each(where, told, "fill them in, or drop the row")
        frame = frame.drop(index=blank)
        frame = gpd.GeoDataFrame(
            frame.drop(columns=["x", "y"]), geometry=gpd.points_from_xy(frame["x"], frame["y"]), crs=spec.crs
        )
    elif spec.crs is not None:
        frame = frame.set_crs(spec.crs, allow_override=True)
    return check_geometry(frame, str(table.geometry), where=where, row_label=label, faults=faults)
