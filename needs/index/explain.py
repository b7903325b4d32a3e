"""Explain an index: what every score is made of, what each weight really does, and what another choice would change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from needs.errors import Faults, InputError
from needs.index import display
from needs.indicators import Aggregation, Cells, IndexSpec, Transform, cell_flags

if TYPE_CHECKING:
    from needs.index.estimator import NeedIndex

HIGH_CORRELATION = 0.9  # from here two indicators say much the same: a preset, shown and not acted upon


@dataclass(frozen=True)
class Explanation:
    """Everything that scrutiny asks of a set of scores.

    Attributes
    ----------
    scores
        `NeedIndex.assess`: one row per zone.
    contributions
        `NeedIndex.contributions`: one row per zone and indicator, adding up to the score.
    weights
        `NeedIndex.effective_weights`: declared share against share of what sets zones apart.
    correlations
        Spearman matrix of the indicators over the reference.
    pairs
        One row per pair of indicators: `a`, `b`, `same_domain`, `correlation`, the closest first.
    cells
        Every cell that is not plainly measured, or whose reliability is under 0.5; empty without `Cells`.
    specification
        `IndexSpec.table`: sources, rules and caveats of the indicators.
    domains
        Label of each top domain, in the order of the index.
    typical
        What each top domain gives the median zone of the reference, in points of the score.
    """

    scores: pd.DataFrame
    contributions: pd.DataFrame
    weights: pd.DataFrame
    correlations: pd.DataFrame
    pairs: pd.DataFrame
    cells: pd.DataFrame
    specification: pd.DataFrame
    domains: dict[str, str]
    typical: dict[str, float]

    def _repr_html_(self) -> str:
        return display.explanation_html(self)

    @property
    def double_counted(self) -> pd.DataFrame:
        """Pairs of indicators that correlate so highly that they count one need twice."""
        return self.pairs[self.pairs["correlation"].abs() >= HIGH_CORRELATION]


@dataclass(frozen=True)
class WhatIf:
    """An index as it is against the same index changed.

    Attributes
    ----------
    change
        What was changed, in words.
    table
        One row per zone: `score`, `score_new`, `rank_england`, `rank_new`, `moved` (ranks; positive is towards more
        need), `fifth_england`, `fifth_new`.
    spearman
        Rank correlation of old and new scores over the reference.
    """

    change: str
    table: pd.DataFrame
    spearman: float

    def _repr_html_(self) -> str:
        return display.what_if_html(self)

    @property
    def summary(self) -> str:
        """Say in a sentence what the change does."""
        into = int(((self.table["fifth_new"] == 1) & (self.table["fifth_england"] != 1)).sum())
        out = int(((self.table["fifth_new"] != 1) & (self.table["fifth_england"] == 1)).sum())
        most = int(self.table["moved"].abs().max())
        return (
            f"{self.change}: {into} zones enter and {out} leave England's most needy fifth; the largest move is "
            f"{most:,} ranks; rank correlation with the index as declared {self.spearman:.3f}."
        )


def explain(index: NeedIndex, X: pd.DataFrame | Cells) -> Explanation:  # noqa: N803
    """Explain the scores of some zones."""
    spec = index.spec_
    correlations = index.correlations()
    contributions = index.contributions(X)
    return Explanation(
        scores=index.assess(X),
        contributions=contributions,
        weights=index.effective_weights(),
        correlations=correlations,
        pairs=_pairs(correlations, spec),
        cells=cell_flags(X) if isinstance(X, Cells) else pd.DataFrame(),
        specification=spec.table() if spec.sources else pd.DataFrame(),
        domains={d.id: d.label for d in spec.domains if d.parent is None},
        typical=_typical(index),
    )


def _typical(index: NeedIndex) -> dict[str, float]:
    made = index.tree_.combine(index.reference_points_).contributions
    top = [index.spec_.top_domain(i) for i in index.spec_.ids]
    by_domain = pd.DataFrame(made, columns=index.spec_.ids).T.groupby(top).sum()
    return {str(d): float(v) for d, v in by_domain.median(axis=1).items()}


def what_if(
    index: NeedIndex,
    X: pd.DataFrame | Cells,  # noqa: N803
    *,
    drop: Iterable[str] = (),
    weights: Mapping[str, float] | None = None,
    transformation: Transform | None = None,
    aggregation: Aggregation | None = None,
) -> WhatIf:
    """Score some zones under a changed index, fitted on the same reference.

    Parameters
    ----------
    index
        Fitted.
    X
        The zones.
    drop
        Domains or indicators left out; what remains of a domain is made to sum to its old weights.
    weights, transformation, aggregation
        As for `NeedIndex`.
    """
    gone = [drop] if isinstance(drop, str) else list(drop)
    other = variant(index, drop=gone, weights=weights, transformation=transformation, aggregation=aggregation)
    old, new = index.assess(X), other.assess(X)
    table = pd.DataFrame(
        {
            "score": old["score"],
            "score_new": new["score"],
            "rank_england": old["rank_england"],
            "rank_new": new["rank_england"],
            "moved": old["rank_england"] - new["rank_england"],
            "fifth_england": old["fifth_england"],
            "fifth_new": new["fifth_england"],
        }
    )
    said = [f"without {d}" for d in gone]
    said += [f"weight of {p} {w:g}" for p, w in (weights or {}).items()]
    said += [f"points by {transformation}"] if transformation else []
    said += [f"{aggregation} mean"] if aggregation else []
    spearman = float(spearmanr(index.reference_scores_, other.reference_scores_).statistic)
    return WhatIf("; ".join(said) or "nothing changed", table, spearman)


def variant(
    index: NeedIndex,
    *,
    drop: Iterable[str] = (),
    weights: Mapping[str, float] | None = None,
    transformation: Transform | None = None,
    aggregation: Aggregation | None = None,
) -> NeedIndex:
    """Fit a changed index on the reference of a fitted one; what is not named stays."""
    spec = without_parts(index.spec_, drop)
    left = {*(d.id for d in spec.domains), *spec.ids}
    kept = {part: weight for part, weight in (index.weights or {}).items() if part in left}
    changed = type(index)(
        spec,
        transformation=transformation or index.transformation,
        aggregation=aggregation or index.aggregation,
        weights={**kept, **(weights or {})} or None,
    )
    return changed.fit(index.reference_)


def without_parts(spec: IndexSpec, drop: Iterable[str]) -> IndexSpec:
    """Leave domains or indicators out of a specification; what remains of a domain keeps the domain's full weight.

    Raises
    ------
    InputError
        If something is not part of the index, or nothing would remain.
    """
    gone = list(dict.fromkeys([drop] if isinstance(drop, str) else drop))
    faults = Faults(InputError)
    known = [*(d.id for d in spec.domains), *spec.ids]
    for part in gone:
        if part not in known:
            fix = f"name one of {', '.join(dict.fromkeys(known))}"
            faults.add(f"index '{spec.index.id}'", f"{part!r} is no domain or indicator of it", fix)
    faults.raise_if_any()
    dropped = set(gone)
    kept = [i for i in spec.indicators if i.id not in dropped and not dropped & set(_path(spec, i.domain))]
    if not kept:
        faults.add(f"index '{spec.index.id}'", "nothing would remain of it", "leave out less")
        faults.raise_if_any()
    alive = {d for i in kept for d in _path(spec, i.domain)}
    domains = [d for d in spec.domains if d.id in alive]
    left = spec.model_copy(update={"domains": tuple(domains), "indicators": tuple(kept)})
    whole = {d.id: (sum(p.weight for p in spec.parts(d.id)), sum(p.weight for p in left.parts(d.id))) for d in domains}

    def scaled(part: Any, within: str | None) -> Any:
        before, after = whole.get(str(within), (1.0, 1.0))
        return part if before == after else part.model_copy(update={"weight": part.weight * before / after})

    return left.model_copy(
        update={
            "domains": tuple(scaled(d, d.parent) for d in domains),
            "indicators": tuple(scaled(i, i.domain) for i in kept),
        }
    )


def _path(spec: IndexSpec, domain: str) -> list[str]:
    parent = {d.id: d.parent for d in spec.domains}
    path = [domain]
    while above := parent[path[-1]]:
        path.append(above)
    return path


def _pairs(correlations: pd.DataFrame, spec: IndexSpec) -> pd.DataFrame:
    ids = [str(c) for c in correlations]
    first, second = np.triu_indices(len(ids), 1)
    domain = {i: spec.top_domain(i) for i in ids}
    table = pd.DataFrame(
        {
            "a": [ids[k] for k in first],
            "b": [ids[k] for k in second],
            "same_domain": [domain[ids[j]] == domain[ids[k]] for j, k in zip(first, second, strict=True)],
            "correlation": correlations.to_numpy()[first, second],
        }
    )
    closest = table["correlation"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[closest].reset_index(drop=True)
