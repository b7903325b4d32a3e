"""Estimate minutes in straight lines, where there is no street network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pydantic import Field

from needs.schemas import RURAL
from needs.settings import CATALOGUE
from needs.streets import modes
from needs.toml import Strict, checked, load

ESTIMATE = "straight-line estimate"
CAUTION = (
    "Travel is estimated in straight lines, with minutes for how far streets wind; it follows no street and no "
    "timetable, and crosses rivers and railways where nobody can. Do not choose between two sites by these figures."
)
_FILE = "straight_lines.toml"


class Pace(Strict):
    """Minutes of a mode by distance: to set out and arrive, and for each kilometre in a straight line."""

    start_min: float = Field(ge=0)
    min_per_km: float = Field(gt=0)
    rural_min_per_km: float = Field(gt=0)
    spread_pct: float = Field(ge=0)


class _Paces(Strict):
    source: str = Field(min_length=10)
    mode: dict[str, Pace]


@cache
def _paces() -> _Paces:
    return checked(_Paces, load(CATALOGUE / _FILE), file=_FILE)


@dataclass(frozen=True)
class StraightLines:
    """What stands in for the streets of a mode where there is no network.

    Attributes
    ----------
    mode
        One of the catalogue's modes.
    """

    mode: str

    @property
    def pace(self) -> Pace:
        """Minutes by distance."""
        return _paces().mode[self.mode]

    @property
    def source(self) -> str:
        """Where the paces come from."""
        return _paces().source

    @property
    def words(self) -> str:
        """Say how minutes are estimated."""
        pace = self.pace
        rural = f" ({pace.rural_min_per_km:g} in rural places)" if pace.rural_min_per_km != pace.min_per_km else ""
        each = f"{pace.min_per_km:g} minutes a kilometre{rural}"
        return f"{ESTIMATE}: {pace.start_min:g} minutes and {each}; beyond the limit over {self.limit_min:g} minutes"

    @property
    def limit_min(self) -> float:
        """Longest journey that is looked at."""
        return modes()[self.mode].limit_min

    def minutes(self, points: gpd.GeoDataFrame, sites: gpd.GeoDataFrame) -> pd.DataFrame:
        """Estimate minutes from every point to every site; a journey home takes as long.

        Parameters
        ----------
        points
            With point_id, EPSG:27700; where ruc21cd is given, rural places have the rural pace.
        sites
            With site_id, EPSG:27700.

        Returns
        -------
        pandas.DataFrame
            Index point_id, columns site_id; NaN = not within the mode's limit.
        """
        here, there = (np.column_stack([g.geometry.x, g.geometry.y]) for g in (points, sites))
        km = np.hypot(*(here[:, None, k] - there[None, :, k] for k in (0, 1))) / 1000
        found = self.pace.start_min + self._per_km(points)[:, None] * km
        found[found > self.limit_min] = np.nan
        return pd.DataFrame(found, index=pd.Index(points["point_id"]), columns=pd.Index(sites["site_id"]))

    def _per_km(self, points: gpd.GeoDataFrame) -> NDArray[np.float64]:
        if "ruc21cd" not in points:
            return np.full(len(points), self.pace.min_per_km)
        return np.where(points["ruc21cd"].isin(RURAL), self.pace.rural_min_per_km, self.pace.min_per_km)

    def reach(self, sites: gpd.GeoDataFrame, minutes: float) -> NDArray[np.object_]:
        """Draw the circle within which families get to each site (EPSG:27700), at the pace of towns; empty if none."""
        metres = 1000 * (minutes - self.pace.start_min) / self.pace.min_per_km
        if metres <= 0:
            return np.array([shapely.MultiPolygon()] * len(sites), dtype=object)
        circles = shapely.buffer(sites.geometry.to_numpy(), metres, quad_segs=16)
        return np.array([shapely.MultiPolygon([c]) for c in circles], dtype=object)
