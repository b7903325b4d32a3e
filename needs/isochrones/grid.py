"""Lay points over the streets, evenly, on the same places whatever is drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from needs.kernels import kernel
from needs.streets import Lines


@dataclass(frozen=True)
class Grid:
    """Points in rows from the south, each from the west, `cell_m` apart, on whole multiples of it in EPSG:27700.

    What is further than `near_m` from any street is not within reach, so that no water is filled.
    """

    cell_m: float
    near_m: float
    west: int
    south: int
    columns: int
    rows: int

    @classmethod
    def around(cls, lines: Lines, some: NDArray[np.int64], cell_m: float, near_m: float) -> Grid:
        """Lay a grid with all that is near some of the lines, and one point more on every side."""
        if not len(some):
            return cls(cell_m, near_m, 0, 0, 2, 2)
        margin = near_m + 2 * cell_m
        low, high = zip(_extent(lines.x, some), _extent(lines.y, some), strict=True)
        west, south = (int(np.floor((a - margin) / cell_m)) for a in low)
        east, north = (int(np.ceil((a + margin) / cell_m)) for a in high)
        return cls(cell_m, near_m, west, south, east - west + 1, north - south + 1)

    def touched(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which lines or points, shape (l, 2) or (l, 1), have a box that the grid touches."""
        west, south = self.west * self.cell_m, self.south * self.cell_m
        east, north = west + self.columns * self.cell_m, south + self.rows * self.cell_m
        across = (x.max(axis=1) >= west) & (x.min(axis=1) <= east)
        return np.asarray(across & (y.max(axis=1) >= south) & (y.min(axis=1) <= north))

    def part(self, whole: NDArray[np.float64], other: Grid) -> NDArray[np.float64]:
        """Cut from values on this grid those on another one inside it."""
        row, column = other.south - self.south, other.west - self.west
        return whole[row : row + other.rows, column : column + other.columns]


@kernel
def _extent(ends: NDArray[np.float64], some: NDArray[np.int64]) -> tuple[float, float]:
    """Least and most of the two ends of some of the lines."""
    low, high = np.inf, -np.inf
    for i in some:
        low, high = min(low, ends[i, 0], ends[i, 1]), max(high, ends[i, 0], ends[i, 1])
    return low, high
