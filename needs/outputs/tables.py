"""Write tables as CSV and Parquet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import pandas as pd

from needs.settings import CRS_WEB


@dataclass(frozen=True)
class CsvWriter:
    """Writes a table as CSV; knows its columns, so that a dictionary can be made of them."""

    table: pd.DataFrame = field(repr=False)

    @property
    def columns(self) -> list[str]:
        """Headings, in order."""
        return list(map(str, self.table.columns))

    def __call__(self, path: Path) -> None:
        """Write it: UTF-8, six significant digits."""
        self.table.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")


def csv_writer(table: pd.DataFrame) -> CsvWriter:
    """Write a table as CSV, lists joined by "; "; points become longitude and latitude, other geometry is left out."""
    flat = table
    if isinstance(table, gpd.GeoDataFrame):
        flat = pd.DataFrame(table.drop(columns=table.geometry.name))
        if (table.geom_type == "Point").all():
            degrees = table.geometry.to_crs(CRS_WEB)
            flat = flat.assign(longitude=degrees.x.round(6), latitude=degrees.y.round(6))
    return CsvWriter(listless(flat))


def parquet_writer(table: pd.DataFrame) -> Callable[[Path], None]:
    """Write a table as Parquet."""
    return lambda path: table.to_parquet(path, index=False)


def listless(table: pd.DataFrame) -> pd.DataFrame:
    """Join lists in cells by "; "; a cell without one stays as it is."""
    lists = [c for c in table.columns if table[c].map(lambda v: isinstance(v, list)).any()]
    return table.assign(**{c: table[c].map(lambda v: "; ".join(v) if isinstance(v, list) else v) for c in lists})
