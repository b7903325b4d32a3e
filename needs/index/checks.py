"""Check what an index is given: values that can be scored, weights that belong to it; every fault at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_args

import numpy as np
import pandas as pd

from needs.errors import Faults, InputError, fail
from needs.index.points import rank_among
from needs.indicators import Aggregation, Cells, Domain, IndexSpec, Indicator, Transform


def frame_of(X: Any, spec: IndexSpec) -> pd.DataFrame:  # noqa: N803
    """Take the table out of what was given: values of the indicators, and the class of each zone if it is there."""
    if isinstance(X, Cells):
        return X.values.join(X.groups)
    if not isinstance(X, pd.DataFrame):
        where = f"index '{spec.index.id}'"
        fix = "give the values that needs.indicators.indicator_values makes for this index"
        fail(InputError, where, f"cannot be read from a {type(X).__name__}", fix)
    return X


_LEAST_CLASS = 5  # zones in a class that others are scored within: with fewer there are no fifths


def check_overrides(
    spec: IndexSpec,
    *,
    transforms: Mapping[str, Transform],
    transformation: str | None,
    aggregation: str | None,
    weights: Mapping[str, float] | None,
) -> None:
    """Refuse methods that the index cannot be scored by, and weights that are not its own, all faults at once.

    `transforms` are those that would be used, by indicator.
    """
    faults = Faults(InputError)
    where = f"index '{spec.index.id}'"
    if transformation is not None and transformation not in get_args(Transform):
        faults.add(where, f"{transformation!r} is no transform", f"use one of {', '.join(get_args(Transform))}")
    if aggregation is not None and aggregation not in get_args(Aggregation):
        faults.add(where, f"{aggregation!r} is no aggregation", f"use one of {', '.join(get_args(Aggregation))}")
    for i in spec.indicators:
        if transforms[i.id] == "goalposts" and i.goalposts is None:
            faults.add(where, f"indicator {i.id!r} has no goalposts", "declare them, or use another transform")
    if (aggregation or spec.index.aggregation) == "geometric" and not faults.found:
        for domain in spec.parts(None):
            if spec.reaches_below_zero(domain.id, transforms):
                what = f"domain {domain.id!r} may fall below 0: a geometric mean cannot take it"
                faults.add(where, what, "use another transform, or the arithmetic mean")
    _note_weights(weights or {}, spec, faults)
    faults.raise_if_any()


def _note_weights(weights: Mapping[str, float], spec: IndexSpec, faults: Faults) -> None:
    known = [*(d.id for d in spec.domains), *spec.ids]
    for part, weight in weights.items():
        where = f"index '{spec.index.id}', weight of '{part}'"
        if part not in known:
            faults.add(where, "is of no domain or indicator", f"use one of {', '.join(dict.fromkeys(known))}")
        elif not _is_weight(weight):
            faults.add(where, f"is {weight!r}", "give a number of 0 or more")
    if faults.found:
        return
    for domain in [None, *(d.id for d in spec.domains)]:
        parts = spec.parts(domain)
        if not any(override(weights, p, spec) is None or override(weights, p, spec) for p in parts):
            within = f"domain '{domain}'" if domain else "the score"
            faults.add(f"index '{spec.index.id}', {within}", "has no part with a weight over 0", "leave one of them in")


def _is_weight(weight: object) -> bool:
    return isinstance(weight, int | float) and bool(np.isfinite(weight)) and weight >= 0


def override(weights: Mapping[str, float], part: Domain | Indicator, spec: IndexSpec) -> float | None:
    """Give the weight that replaces a part's own; an id that is a domain's means the domain."""
    if isinstance(part, Indicator) and any(d.id == part.id for d in spec.domains):
        return None
    return weights.get(part.id)


def checked_values(
    X: pd.DataFrame,  # noqa: N803
    spec: IndexSpec,
    n: int,
    *,
    is_reference: bool,
    classes: Iterable[str] = (),
) -> pd.DataFrame:
    """Copy the columns of the index, in its order, after checking that each value can be scored among `n` zones."""
    faults = Faults(InputError)
    where = f"index '{spec.index.id}'"
    if is_reference and n < 2:
        faults.add(where, f"its reference has {n} zone{'s' if n != 1 else ''}", "fit it on all of England")
    faults.add_codes(where, "stands twice", X.index[X.index.duplicated()], "keep one row for each zone")
    for i in spec.indicators:
        at = f"{where}, indicator '{i.id}'"
        if i.id not in X.columns:
            fix = "give the values that needs.indicators.indicator_values makes for this index"
            faults.add(at, "is not among the columns", fix)
            continue
        value = X[i.id].astype(float)
        usable = np.isfinite(value) | (value.isna() & (i.missing == "domain_mean"))
        fix = "complete the table: a missing value is never guessed"
        faults.add_codes(at, "has no value", X.index[~usable], fix)
        if i.measure == "rank" and usable.all():
            ranked = rank_among(-value, -value) if is_reference else value.clip(1, n).round()
            fix = "map the rank as published, and fit on exactly the zones that it ranks"
            what = f"is no rank among the {n} zones of the reference"
            faults.add_codes(at, what, X.index[value != ranked], fix)
    groups = [c for c in ("class",) if any(i.within for i in spec.indicators)]
    for group in groups:
        if group not in X.columns:
            faults.add(where, f"'{group}' of the zones is not given", "give the rural-urban class of every zone")
        else:
            faults.add_codes(where, f"'{group}' is blank", X.index[X[group].isna()], "complete the table")
            if is_reference:
                size = X[group].map(X[group].value_counts())
                alone = X.index[size < _LEAST_CLASS]
                fix = "fit on all of England, or score the indicator among all zones (leave out within)"
                faults.add_codes(where, f"are of a class of fewer than {_LEAST_CLASS} zones", alone, fix)
            else:
                odd = X.index[X[group].notna() & ~X[group].isin(set(classes))]
                faults.add_codes(where, "are of a class that the reference lacks", odd, "fit on all of England")
    faults.raise_if_any()
    return X[[*spec.ids, *groups]].astype(dict.fromkeys(spec.ids, float))
