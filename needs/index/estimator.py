"""Score need: fit an index on a frozen reference, apply it to an area, and explain every point."""

from __future__ import annotations

from collections.abc import Callable
from math import fsum
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from needs.errors import Faults, InputError
from needs.indicators import IndexSpec, Indicator, Transform, note_zones, read_spec

Floats = npt.NDArray[np.float64]
Ranks = npt.NDArray[np.int64]

_EXP_SCALE = 23.0  # of the Index of Multiple Deprivation: the most needy tenth gets half of the points


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


def fifth(rank: npt.ArrayLike, n: int) -> Ranks:
    """Fifth 1 (most need) to 5 of a rank: rank / (n / 5) rounded up, in whole numbers.

    The rule of the published deciles of the Indices of Deprivation, with 5 in place of 10.
    """
    return np.asarray(-(-np.asarray(rank, dtype=np.int64) * 5 // n))


def rank_among(need: npt.ArrayLike, reference: npt.ArrayLike) -> Ranks:
    """Rank 1 (most need) to N of each value among N others: 1 + how many are strictly higher, at most N.

    Equal values share the smallest rank. A value below all of the reference ranks with its last.
    """
    ordered = np.sort(np.asarray(reference, dtype=float))
    higher = len(ordered) - np.searchsorted(ordered, np.asarray(need, dtype=float), side="right")
    return np.minimum(1 + higher, len(ordered)).astype(np.int64)


TRANSFORMS: dict[Transform, Callable[[npt.ArrayLike, int], Floats]] = {
    "imd_exp": imd_exp,
    "rank": lambda rank, n: 100 * percentile(rank, n),
}


class NeedIndex(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """An index of need with a frozen reference: fitted on England, applied to an area.

    Every indicator becomes a rank among the N zones of the reference (a published rank is one already), the rank
    becomes 0 to 100 points, and the points times the declared weight are the indicator's contribution. The score is
    the sum of the contributions, correctly rounded (`math.fsum`), so that it depends on no order of rows or columns
    and equal contributions tie. A zone's score depends on its own values and the reference, on no other zone of the
    area.

    Parameters
    ----------
    spec
        The declared index; `NeedIndex.from_toml("family-hubs")` reads one of the catalogue.

    Attributes
    ----------
    reference_ : pandas.DataFrame
        Values of the indicators of the N zones that the index was fitted on.
    reference_scores_ : numpy.ndarray
        Their scores.
    feature_names_in_ : numpy.ndarray
        Ids of the indicators, in the order of the specification.
    """

    def __init__(self, spec: IndexSpec) -> None:
        self.spec = spec

    @classmethod
    def from_toml(cls, id_or_path: str | Path) -> Self:
        """Make an index of a specification by its id in the catalogue or its path (`needs.indicators.read_spec`)."""
        return cls(read_spec(id_or_path))

    def fit(self, X: pd.DataFrame, y: None = None) -> Self:  # noqa: ARG002, N803
        """Freeze the reference.

        Parameters
        ----------
        X
            Values of the indicators of all zones of the reference, as `needs.indicators.indicator_values` gives
            them: index `lsoa21cd`, one column per indicator, none missing.
        y
            Ignored.

        Raises
        ------
        InputError
            With every fault of X; among them a published rank that is not one of exactly these zones (zones left
            out, or a decile in place of a rank).
        """
        self.reference_ = _checked(X, self.spec, len(X), is_reference=True)
        self.feature_names_in_ = np.array(self.spec.ids, dtype=object)
        self.n_features_in_ = len(self.spec.ids)
        self.reference_scores_ = _row_sums(self._contributions(self.reference_))
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:  # noqa: N803
        """Contribution of every indicator to the score of every zone.

        Parameters
        ----------
        X
            Values of the indicators, as for `fit`; the zones need not be among the reference.

        Returns
        -------
        pandas.DataFrame
            Rows of X; one column per indicator, in points of the score: weight of the domain x weight within the
            domain x points 0 to 100.

        Raises
        ------
        InputError
            With every fault of X; among them a published rank over the number of zones of the reference.
        """
        return self._contributions(self._area(X))

    def get_feature_names_out(self, input_features: object = None) -> npt.NDArray[np.object_]:  # noqa: ARG002
        """Columns of `transform`: the ids of the indicators."""
        check_is_fitted(self)
        return self.feature_names_in_.copy()

    def assess(self, X: pd.DataFrame) -> pd.DataFrame:  # noqa: N803
        """Score of every zone, and its place in England and in the area.

        Parameters
        ----------
        X
            Values of the indicators of the zones of one area, as for `transform`.

        Returns
        -------
        pandas.DataFrame
            Rows of X, with `score` (0 to 100 x the sum of the weights of the domains), `rank_england` and
            `rank_area` (`rank_among` the reference and X; 1 = most need), `percentile` (0 to 1, of `rank_england`;
            1 = most need), `fifth_england` and `fifth_area` (1 = most need).

        Raises
        ------
        InputError
            As `transform`.
        """
        area = self._area(X)
        score = _row_sums(self._contributions(area))
        in_england, in_area = rank_among(score, self.reference_scores_), rank_among(score, score)
        n = len(self.reference_)
        return pd.DataFrame(
            {
                "score": score,
                "rank_england": in_england,
                "percentile": percentile(in_england, n),
                "fifth_england": fifth(in_england, n),
                "rank_area": in_area,
                "fifth_area": fifth(in_area, len(area)),
            },
            index=area.index,
        )

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:  # noqa: N803
        """Explain every score: one row per zone and indicator, zones in the order of X.

        Returns
        -------
        pandas.DataFrame
            `lsoa21cd`, `domain`, `indicator`, `label`, `value` (in the indicator's unit), `transformed` (points 0 to
            100), `weight` (declared share of the score), `contribution` (`weight` x `transformed`).

        Raises
        ------
        InputError
            As `transform`.
        """
        area = self._area(X)
        points, weights = self._points(area), self.spec.weights
        parts = [
            pd.DataFrame(
                {
                    "lsoa21cd": area.index,
                    "domain": i.domain,
                    "indicator": i.id,
                    "label": i.label,
                    "value": area[i.id].to_numpy(),
                    "transformed": points[i.id].to_numpy(),
                    "weight": weights[i.id],
                }
            )
            for i in self.spec.indicators
        ]
        rows = pd.concat(parts).sort_index(kind="stable", ignore_index=True)
        return rows.assign(contribution=rows["weight"] * rows["transformed"])

    def effective_weights(self) -> pd.DataFrame:
        """Say each indicator's declared weight, and its share of what sets zones apart.

        Returns
        -------
        pandas.DataFrame
            Index `indicator`; `domain`, `label`, `weight` (declared share of the score) and `variance_share` =
            cov(contribution, score) / var(score) over the reference; the shares sum to 1.
        """
        check_is_fitted(self)
        parts = self._contributions(self.reference_)
        apart = parts - parts.mean()
        shared = apart.mul(apart.sum(axis=1), axis=0).sum()
        return pd.DataFrame(
            {
                "domain": [i.domain for i in self.spec.indicators],
                "label": [i.label for i in self.spec.indicators],
                "weight": list(self.spec.weights.values()),
                "variance_share": (shared / shared.sum()).to_numpy(),
            },
            index=pd.Index(self.spec.ids, name="indicator"),
        )

    def correlations(self) -> pd.DataFrame:
        """Spearman correlation of the indicators over the reference, each turned so that higher is more need.

        Indicators that correlate highly count the same need twice. NaN for an indicator that is the same everywhere.
        """
        check_is_fitted(self)
        needs = {i.id: _need(self.reference_, i) for i in self.spec.indicators}
        return pd.DataFrame(needs).corr(method="spearman")

    def _area(self, X: pd.DataFrame) -> pd.DataFrame:  # noqa: N803
        check_is_fitted(self)
        return _checked(X, self.spec, len(self.reference_), is_reference=False)

    def _points(self, values: pd.DataFrame) -> pd.DataFrame:
        """Points 0 to 100, read from one table per transform so that equal ranks give equal bits."""
        n = len(self.reference_)
        points = {}
        for i in self.spec.indicators:
            table = TRANSFORMS[self.spec.transforms[i.id]](np.arange(1, n + 1), n)
            published = i.scale == "rank"
            rank = values[i.id].astype(int) if published else rank_among(_need(values, i), _need(self.reference_, i))
            points[i.id] = table[np.asarray(rank) - 1]
        return pd.DataFrame(points, index=values.index)

    def _contributions(self, values: pd.DataFrame) -> pd.DataFrame:
        return self._points(values) * pd.Series(self.spec.weights)


def _need(values: pd.DataFrame, indicator: Indicator) -> pd.Series[float]:
    return values[indicator.id] if indicator.direction == "higher_is_need" else -values[indicator.id]


def _row_sums(frame: pd.DataFrame) -> Floats:
    return np.array([fsum(row) for row in frame.to_numpy().tolist()])


def _checked(X: pd.DataFrame, spec: IndexSpec, n: int, *, is_reference: bool) -> pd.DataFrame:  # noqa: N803
    """Copy the columns of the index, in its order, after checking that each value can be scored among `n` zones."""
    faults = Faults(InputError)
    where = f"index '{spec.index.id}'"
    if is_reference and n < 2:
        faults.add(where, f"its reference has {n} zone{'s' if n != 1 else ''}", "fit it on all of England")
    note_zones(faults, where, "stands twice", X.index[X.index.duplicated()], "keep one row for each zone")
    for i in spec.indicators:
        at = f"{where}, indicator '{i.id}'"
        if i.id not in X.columns:
            fix = "give the values that needs.indicators.indicator_values makes for this index"
            faults.add(at, "is not among the columns", fix)
            continue
        value = X[i.id]
        missing = X.index[~np.isfinite(value)]
        note_zones(faults, at, "has no value", missing, "complete the table: a missing value is never guessed")
        if i.scale == "rank" and missing.empty:
            ranked = rank_among(-value, -value) if is_reference else value.clip(1, n).round()
            fix = "map the rank as published, and fit on exactly the zones that it ranks"
            what = f"is no rank among the {n} zones of the reference"
            note_zones(faults, at, what, X.index[value != ranked], fix)
    faults.raise_if_any()
    return X[spec.ids].astype(float)
