"""Turn values into ranks and points against a frozen reference: the transforms of a composite index."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri
from scipy.stats import kurtosis, skew

from needs.indicators import RANKED, Transform

Floats = npt.NDArray[np.float64]
Ranks = npt.NDArray[np.int64]

_EXP_SCALE = 23.0  # of the Index of Multiple Deprivation: the most needy tenth gets half of the points
_FLAT = 1e-12  # spread of a column, against its size, that is rounding and not need
_SKEWED, _PEAKED = 2.0, 3.5  # at or above both, a column has outliers (COINr; after Groeneveld and Meeden)


def imd_exp(rank: npt.ArrayLike, n: int) -> Floats:
    """Points 0 to 100 by the exponential transformation of the Index of Multiple Deprivation.

    R = (n - rank + 1) / n and E = -23 ln(1 - R (1 - exp(-100 / 23))), as in the English Indices of Deprivation,
    whose scores of 2019 and 2025 it gives back. A tenth of the zones gets more than 50 points, so that low need on
    one indicator hardly cancels high need on another.

    Parameters
    ----------
    rank
        1 = most need.
    n
        Number of zones ranked.
    """
    share = (n - np.asarray(rank, dtype=float) + 1) / n
    return np.asarray(-_EXP_SCALE * np.log1p(share * np.expm1(-100 / _EXP_SCALE)))


def percentile(rank: npt.ArrayLike, n: int) -> Floats:
    """Place 0 (rank `n`) to 1 (rank 1, most need) of a rank among two zones or more: 1 - (rank - 1) / (n - 1)."""
    return np.asarray(1 - (np.asarray(rank, dtype=float) - 1) / (n - 1))


def normal_score(rank: npt.ArrayLike, n: int) -> Floats:
    """Score a rank by the normal curve, most need highest: the normal quantile at 1 - rank / (n + 1) (van der Waerden).

    The form under which the health and crime domains of the Indices of Deprivation are given back; there equal
    values share the mean of their ranks.
    """
    return np.asarray(ndtri(1 - np.asarray(rank, dtype=float) / (n + 1)))


def fifth(rank: npt.ArrayLike, n: int) -> Ranks:
    """Fifth 1 (most need) to 5 of a rank: rank / (n / 5) rounded up, in whole numbers.

    The rule of the published deciles of the Indices of Deprivation, with 5 in place of 10.
    """
    return quantile(rank, n, 5)


def quantile(rank: npt.ArrayLike, n: int, parts: int) -> Ranks:
    """Part 1 (most need) to `parts` of a rank: rank / (n / parts) rounded up, in whole numbers."""
    return np.asarray(-(-np.asarray(rank, dtype=np.int64) * parts // n))


def rank_among(need: npt.ArrayLike, reference: npt.ArrayLike) -> Ranks:
    """Rank 1 (most need) to N of each value among N others: 1 + how many are strictly higher, at most N.

    Equal values share the smallest rank. A value below all of the reference ranks with its last.
    """
    return _rank_in(np.asarray(need, dtype=float), np.sort(np.asarray(reference, dtype=float)))


def _rank_in(need: Floats, ordered: Floats) -> Ranks:
    higher = len(ordered) - np.searchsorted(ordered, need, side="right")
    return np.minimum(1 + higher, len(ordered)).astype(np.int64)


RANK_POINTS: Mapping[Transform, Callable[[npt.ArrayLike, int], Floats]] = MappingProxyType(
    {
        "imd_exp": imd_exp,
        "rank": lambda rank, n: 100 * percentile(rank, n),
        "normal_score": normal_score,
    }
)


def winsor_limits(values: npt.ArrayLike, most: int) -> tuple[float, float]:
    """Find the limits that draw in outliers, one after the other, until the column is no longer skewed and peaked.

    While |skewness| >= 2 and excess kurtosis >= 3.5 (sample-size-corrected moments), the furthest value on the side
    of the skew is set to the next; at most `most` values. The rule of COINr and of the JRC's handbook practice.

    Returns
    -------
    tuple of float
        Least and greatest value kept; the extremes of the column where nothing needs to be drawn in.
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    ordered = ordered[np.isfinite(ordered)]
    low, high = 0, len(ordered) - 1
    for _ in range(min(most, len(ordered) - 2)):
        treated = ordered.clip(ordered[low], ordered[high])
        if np.ptp(treated) <= _FLAT * np.abs(treated).max():
            break
        lean = float(skew(treated, bias=False))
        if abs(lean) < _SKEWED or kurtosis(treated, bias=False) < _PEAKED:
            break
        low, high = (low, high - 1) if lean > 0 else (low + 1, high)
    return float(ordered[low]), float(ordered[high])


@dataclass(frozen=True)
class Scale:
    """How one column of need (higher = more need) becomes points, frozen on a reference.

    Attributes
    ----------
    transform
        Its name.
    ordered
        Values of the reference in ascending order.
    table
        Points of rank 1 to N, for the transforms by rank: equal ranks get equal bits.
    centre, spread
        Of the linear transforms: points are factor x (need - centre) / spread.
    """

    transform: Transform
    ordered: Floats
    table: Floats
    centre: float = 0.0
    spread: float = 1.0

    @classmethod
    def fit(cls, transform: Transform, need: npt.ArrayLike, goalposts: Sequence[float] | None = None) -> Scale:
        """Freeze a transform on the needs of a reference; `goalposts` are the needs that score 0 and 100."""
        ordered = np.sort(np.asarray(need, dtype=float))
        ordered = ordered[np.isfinite(ordered)]
        n = len(ordered)
        if transform in RANKED:
            return cls(transform, ordered, RANK_POINTS[transform](np.arange(1, n + 1), n))
        centre, spread = 0.0, 1.0
        match transform:
            case "min_max":
                centre, spread = float(ordered[0]), float(ordered[-1] - ordered[0])
            case "z_score":
                centre, spread = float(ordered.mean()), float(ordered.std())
            case "goalposts" if goalposts:
                centre, spread = goalposts[0], goalposts[1] - goalposts[0]
        flat = abs(spread) <= _FLAT * max(abs(float(ordered[0])), abs(float(ordered[-1])))
        return cls(transform, ordered, np.empty(0), centre, 0.0 if flat else spread)

    def points(self, need: Floats) -> Floats:
        """Points of each need; a missing need has none."""
        if self.transform in RANKED:
            found = self._by_rank(need)
            return np.where(np.isnan(need), np.nan, found) if np.isnan(need).any() else found
        if self.transform == "none":
            return need
        if self.spread == 0.0:  # the same everywhere: no zone has more need than another
            return np.where(np.isnan(need), np.nan, 0.0)
        share = (need - self.centre) / self.spread
        return share if self.transform == "z_score" else 100 * np.clip(share, 0, 1)

    def _by_rank(self, need: Floats) -> Floats:
        if self.transform != "normal_score":
            return self.table[_rank_in(need, self.ordered) - 1]
        n = len(self.ordered)
        left, right = (np.searchsorted(self.ordered, need, side=side) for side in ("left", "right"))
        return normal_score(np.clip(n - (left + right) / 2 + 0.5, 1, n), n)
