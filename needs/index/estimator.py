"""Score need: fit an index on a frozen reference, apply it to an area, and explain every point."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from needs.index import explain
from needs.index.checks import check_overrides, checked_values, frame_of
from needs.index.explain import Explanation, WhatIf
from needs.index.points import RANK_POINTS, Scale, fifth, percentile, rank_among, winsor_limits
from needs.index.tree import Combined, Floats, Tree
from needs.indicators import (
    RANKED,
    Aggregation,
    Cells,
    IndexSpec,
    Indicator,
    Transform,
    plain_spec,
    read_spec,
)

if TYPE_CHECKING:
    from needs.index.perturb import RankUncertainty

Values = pd.DataFrame | Cells


class NeedIndex(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """An index of need with a frozen reference: fitted on England, applied to an area.

    Every indicator becomes points among the zones of the reference (a published rank is used as published), points
    times weights add up to domains and the score (`needs.index.tree`). A zone's score depends on its own values and
    the reference, on no other zone of the area; raising one zone cannot reorder others.

    Parameters
    ----------
    spec
        The declared index; `NeedIndex.from_toml("family-hubs")` reads one of the catalogue. Without one, the columns
        of X are indicators of equal weight, higher is more need, and points go by rank.
    transformation, aggregation
        Replace the declared ones (published ranks keep a transform by rank).
    weights
        Replace weights by id of the domain or, where no domain has the id, of the indicator; the parts of a domain
        that is touched weigh as given or declared and are made to sum to 1, the domains of the score are not.

    Attributes
    ----------
    reference_ : pandas.DataFrame
        Values of the indicators of the N zones that the index was fitted on, and their `class` where it counts.
    reference_scores_ : numpy.ndarray
        Their scores.
    weights_ : dict
        Share of the score of every indicator.
    scales_, limits_ : dict
        How each indicator becomes points, by class ("" for all zones); between which values outliers are drawn in.
    feature_names_in_ : numpy.ndarray
        Ids of the indicators, in the order of the specification.
    """

    def __init__(
        self,
        spec: IndexSpec | None = None,
        *,
        transformation: Transform | None = None,
        aggregation: Aggregation | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        self.spec = spec
        self.transformation = transformation
        self.aggregation = aggregation
        self.weights = weights

    @classmethod
    def from_toml(cls, id_or_path: str | Path) -> Self:
        """Make an index of a specification by its id in the catalogue or its path (`needs.indicators.read_spec`)."""
        return cls(read_spec(id_or_path))

    def fit(self, X: Values | npt.ArrayLike, y: object = None) -> Self:  # noqa: ARG002, N803
        """Freeze the reference.

        Parameters
        ----------
        X
            All zones of the reference: the `Cells` of `needs.indicators.indicator_values`, or a table with the codes
            of the zones as index and one column per indicator, none missing (and `class` where an indicator is
            scored within it). An array, where the index has no specification.
        y
            Ignored.

        Raises
        ------
        InputError
            With every fault of X; among them a published rank that is not one of exactly these zones (zones left
            out, or a decile in place of a rank).
        """
        if self.spec is None:
            table = self._plain(X, reset=True)
            self.spec_ = plain_spec(list(table.columns), self.transformation or "rank")
        else:
            self.spec_ = self.spec
            table = frame_of(X, self.spec_)
            self.feature_names_in_ = np.array(self.spec_.ids, dtype=object)
            self.n_features_in_ = len(self.spec_.ids)
        check_overrides(
            self.spec_,
            transforms={i.id: self._transform_of(i) for i in self.spec_.indicators},
            transformation=self.transformation,
            aggregation=self.aggregation,
            weights=self.weights,
        )
        self.reference_ = checked_values(table, self.spec_, len(table), is_reference=True)
        self._n = len(table)
        self.limits_ = {
            i.id: winsor_limits(self.reference_[i.id], i.winsorise) for i in self.spec_.indicators if i.winsorise
        }
        self.scales_ = {i.id: self._scales_of(i) for i in self.spec_.indicators if i.measure != "rank"}
        points = self.points(self.reference_)
        aggregation = self.aggregation or self.spec_.index.aggregation
        self.tree_ = Tree(self.spec_, points, aggregation=aggregation, weights=self.weights)
        self.weights_ = self.tree_.weights
        self.reference_points_ = points
        self.reference_scores_ = self.tree_.combine(points).score
        return self

    def transform(self, X: Values | npt.ArrayLike) -> Any:  # noqa: N803
        """Contribution of every indicator to the score of every zone.

        Parameters
        ----------
        X
            Values of the indicators, as for `fit`; the zones need not be among the reference.

        Returns
        -------
        pandas.DataFrame
            Rows of X; one column per indicator, in points of the score; the row adds up to the score. An array
            where X is one.

        Raises
        ------
        InputError
            With every fault of X; among them a published rank over the number of zones of the reference.
        """
        check_is_fitted(self)
        bare = not isinstance(X, (pd.DataFrame, Cells))
        area = self._area(X)
        made = self._combine(area).contributions
        return made if bare else pd.DataFrame(made, index=area.index, columns=self.spec_.ids)

    def get_feature_names_out(self, input_features: object = None) -> npt.NDArray[np.object_]:  # noqa: ARG002
        """Columns of `transform`: the ids of the indicators."""
        check_is_fitted(self)
        return np.array(self.spec_.ids, dtype=object)

    def assess(self, X: Values) -> pd.DataFrame:  # noqa: N803
        """Score of every zone, and its place in England and in the area.

        Parameters
        ----------
        X
            Zones of one area, as for `transform`.

        Returns
        -------
        pandas.DataFrame
            Rows of X, with `score`, `rank_england` and `rank_area` (`rank_among` the reference and X; 1 = most
            need), `percentile` (0 to 1, of `rank_england`; 1 = most need), `fifth_england` and `fifth_area` (1 =
            most need). Of `Cells` also `score_low` and `score_high` (the scores at the bounds of suppressed cells),
            `suppressed`, `imputed` and `carried` (numbers of cells), `reliability` (weighted mean over indicators
            with counts; NaN where there are none).

        Raises
        ------
        InputError
            As `transform`.
        """
        check_is_fitted(self)
        area = self._area(X)
        score = self._combine(area).score
        in_england, in_area = rank_among(score, self.reference_scores_), rank_among(score, score)
        found = pd.DataFrame(
            {
                "score": score,
                "rank_england": in_england,
                "percentile": percentile(in_england, self._n),
                "fifth_england": fifth(in_england, self._n),
                "rank_area": in_area,
                "fifth_area": fifth(in_area, len(area)),
            },
            index=area.index,
        )
        return found.assign(**self._known_of(X)) if isinstance(X, Cells) else found

    def contributions(self, X: Values) -> pd.DataFrame:  # noqa: N803
        """Explain every score: one row per zone and indicator, zones in the order of X.

        Returns
        -------
        pandas.DataFrame
            `lsoa21cd`, `domain` (of the score), `indicator`, `label`, `value` (in the indicator's unit),
            `transformed` (points), `weight` (share of the score), `contribution`. Of `Cells` also `state` and
            `reliability`.

        Raises
        ------
        InputError
            As `transform`.
        """
        check_is_fitted(self)
        area = self._area(X)
        points = self.points(area)
        made = self.tree_.combine(points).contributions
        parts = []
        for k, i in enumerate(self.spec_.indicators):
            part = pd.DataFrame(
                {
                    "lsoa21cd": area.index,
                    "domain": self.spec_.top_domain(i.id),
                    "indicator": i.id,
                    "label": i.label,
                    "value": area[i.id].to_numpy(),
                    "transformed": points[:, k],
                    "weight": self.weights_[i.id],
                    "contribution": made[:, k],
                }
            )
            if isinstance(X, Cells):
                part = part.assign(state=X.state[i.id].to_numpy(), reliability=X.reliability[i.id].to_numpy())
            parts.append(part)
        return pd.concat(parts).sort_index(kind="stable", ignore_index=True)

    def domains(self, X: Values) -> tuple[pd.DataFrame, pd.DataFrame]:  # noqa: N803
        """Value of every domain before, and points after, the domain's own transform; one column per domain."""
        check_is_fitted(self)
        area = self._area(X)
        made = self._combine(area)
        values, points = (
            pd.DataFrame(t, index=area.index, columns=self.tree_.order) for t in (made.values, made.points)
        )
        return values, points

    def effective_weights(self) -> pd.DataFrame:
        """Say each indicator's declared weight, and its share of what sets zones apart.

        Returns
        -------
        pandas.DataFrame
            Index `indicator`; `domain`, `label`, `weight` (share of the score) and `variance_share` =
            cov(contribution, score) / var(score) over the reference; the shares sum to 1.
        """
        check_is_fitted(self)
        parts = self.tree_.combine(self.reference_points_).contributions
        apart = parts - parts.mean(axis=0)
        shared = apart.T @ apart.sum(axis=1)
        return pd.DataFrame(
            {
                "domain": [self.spec_.top_domain(i.id) for i in self.spec_.indicators],
                "label": [i.label for i in self.spec_.indicators],
                "weight": list(self.weights_.values()),
                "variance_share": shared / shared.sum(),
            },
            index=pd.Index(self.spec_.ids, name="indicator"),
        )

    def correlations(self) -> pd.DataFrame:
        """Spearman correlation of the indicators over the reference, each turned so that higher is more need.

        Indicators that correlate highly count the same need twice. NaN for an indicator that is the same everywhere.
        """
        check_is_fitted(self)
        needs = {i.id: _need(self.reference_[i.id].to_numpy(), i) for i in self.spec_.indicators}
        return pd.DataFrame(needs).corr(method="spearman")

    def explain(self, X: Values) -> Explanation:  # noqa: N803
        """Put together everything that scrutiny asks of the scores of some zones (`needs.index.explain`)."""
        check_is_fitted(self)
        return explain.explain(self, X)

    def what_if(self, X: Values, **changes: Any) -> WhatIf:  # noqa: N803
        """Score some zones under other weights, methods or parts (`needs.index.explain.what_if`)."""
        check_is_fitted(self)
        return explain.what_if(self, X, **changes)

    def perturb(self, X: Cells, **settings: Any) -> RankUncertainty:  # noqa: N803
        """Say how sure ranks are when weights, methods and chance vary (`needs.index.perturb.perturb`)."""
        from needs.index.perturb import perturb

        check_is_fitted(self)
        return perturb(self, X, **settings)

    def sensitivity(self, X: Cells, **settings: Any) -> pd.DataFrame:  # noqa: N803
        """Share the uncertainty of ranks out among its causes (`needs.index.sensitivity.sensitivity`)."""
        from needs.index.sensitivity import sensitivity

        check_is_fitted(self)
        return sensitivity(self, X, **settings)

    def points(self, values: pd.DataFrame) -> Floats:
        """Points of a checked table, shape (zones, indicators): equal ranks give equal bits."""
        columns = []
        for i in self.spec_.indicators:
            value = values[i.id].to_numpy()
            if i.measure == "rank":
                table = RANK_POINTS[self._transform_of(i)](np.arange(1, self._n + 1), self._n)
                columns.append(table[value.astype(int) - 1])
                continue
            need = _need(self._drawn_in(i, value), i)
            scales = self.scales_[i.id]
            if i.within is None:
                columns.append(scales[""].points(need))
                continue
            found = np.full(len(need), np.nan)
            for name, scale in scales.items():
                mine = (values["class"] == name).to_numpy()
                found[mine] = scale.points(need[mine])
            columns.append(found)
        return np.column_stack(columns)

    def _combine(self, area: pd.DataFrame) -> Combined:
        return self.tree_.combine(self.points(area))

    def _known_of(self, cells: Cells) -> dict[str, pd.Series[Any]]:
        bounds = {}
        for name, lower in (("score_low", True), ("score_high", False)):
            columns = {
                i.id: (cells.low if lower == (i.direction == "higher_is_need") else cells.high)[i.id]
                for i in self.spec_.indicators
            }
            table = pd.DataFrame(columns).join(cells.groups)
            bounds[name] = pd.Series(self._combine(self._area(table)).score, cells.values.index)
        counts = {s: (cells.state[self.spec_.ids] == s).sum(axis=1) for s in ("suppressed", "imputed", "carried")}
        known = cells.reliability[self.spec_.ids]
        weights = known.notna() * pd.Series(self.weights_)
        total = weights.sum(axis=1)
        reliability = (known * weights).sum(axis=1) / total.where(total > 0)
        return {**bounds, **counts, "reliability": reliability}

    def _area(self, X: Any) -> pd.DataFrame:  # noqa: N803
        table = self._plain(X, reset=False) if self.spec is None else frame_of(X, self.spec_)
        return checked_values(table, self.spec_, self._n, is_reference=False, classes=self._classes())

    def _classes(self) -> set[str]:
        return set(self.reference_["class"]) if "class" in self.reference_ else set()

    def _plain(self, X: Any, *, reset: bool) -> pd.DataFrame:  # noqa: N803
        given = X.values if isinstance(X, Cells) else X
        array = validate_data(self, given, reset=reset, dtype=float, ensure_min_samples=2 if reset else 1)
        index = given.index if isinstance(given, pd.DataFrame) else None
        names = getattr(self, "feature_names_in_", None)
        return pd.DataFrame(array, index=index, columns=_column_ids(names, array.shape[1]))

    def _transform_of(self, i: Indicator) -> Transform:
        wanted = self.transformation or self.spec_.transforms[i.id]
        return wanted if i.measure != "rank" or wanted in RANKED else self.spec_.transforms[i.id]

    def _scales_of(self, i: Indicator) -> dict[str, Scale]:
        need = _need(self._drawn_in(i, self.reference_[i.id].to_numpy()), i)
        posts = (_need(np.array(i.goalposts), i)).tolist() if i.goalposts else None
        transform = self._transform_of(i)
        if i.within is None:
            return {"": Scale.fit(transform, need, posts)}
        groups = self.reference_["class"]
        return {str(g): Scale.fit(transform, need[(groups == g).to_numpy()], posts) for g in sorted(groups.unique())}

    def _drawn_in(self, i: Indicator, value: Floats) -> Floats:
        return np.clip(value, *self.limits_[i.id]) if i.id in self.limits_ else value


def _column_ids(names: npt.NDArray[np.object_] | None, count: int) -> list[str]:
    return [f"x{k}" for k in range(count)] if names is None else [str(n) for n in names]


def _need(value: Floats, indicator: Indicator) -> Floats:
    return value if indicator.direction == "higher_is_need" else -value
