"""Say what lies in the council, and what within a margin of it."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

SLACK_M = 200.0  # generalised boundaries are off by so much


@dataclass(frozen=True)
class Surroundings:
    """The council's ground and its margin.

    Attributes
    ----------
    shape
        All its zones as one, EPSG:27700.
    margin_m
        How far beyond it other councils' sites count.
    """

    shape: shapely.Geometry
    margin_m: float

    @classmethod
    def of(cls, zones: gpd.GeoDataFrame, margin_km: float) -> Surroundings:
        """Take the ground of zones."""
        shape = zones.geometry.union_all()
        shapely.prepare(shape)
        return cls(shape, 1000 * margin_km)

    def inside(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether points (EPSG:27700, NaN for none) are in the council, or so near that the outline cannot tell."""
        return self._within(x, y, SLACK_M)

    def margin(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether points are in the council or its margin."""
        return self._within(x, y, max(self.margin_m, SLACK_M))

    def _within(self, x: NDArray[np.float64], y: NDArray[np.float64], metres: float) -> NDArray[np.bool_]:
        west, south, east, north = shapely.bounds(self.shape)
        near: NDArray[np.bool_] = (
            (x >= west - metres) & (x <= east + metres) & (y >= south - metres) & (y <= north + metres)
        )
        near[near] = shapely.dwithin(self.shape, shapely.points(x[near], y[near]), metres)
        return near
