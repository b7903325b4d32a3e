"""Check what an index is given: values that can be scored, weights that belong to it; every fault at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from needs.errors import Faults, InputError, fail
from needs.index.points import rank_among
from needs.indicators import Cells, IndexSpec, note_zones


def frame_of(X: Any, spec: IndexSpec) -> pd.DataFrame:  # noqa: N803
    """Take the table out of what was given: values of the indicators, and the class of each zone if it is there."""
    if isinstance(X, Cells):
        return X.values.join(X.groups)
    if not isinstance(X, pd.DataFrame):
        where = f"index '{spec.index.id}'"
        fix = "give the values that needs.indicators.indicator_values makes for this index"
        fail(InputError, where, f"cannot be read from a {type(X).__name__}", fix)
    return X


def check_weights(weights: Mapping[str, float] | None, spec: IndexSpec) -> None:
    """Refuse weights of parts that the index does not have, and weights that are no numbers of 0 or more."""
    faults = Faults(InputError)
    known = [*(d.id for d in spec.domains), *spec.ids]
    for part, weight in (weights or {}).items():
        where = f"index '{spec.index.id}', weight of '{part}'"
        if part not in known:
            faults.add(where, "is of no domain or indicator", f"use one of {', '.join(dict.fromkeys(known))}")
        elif not (np.isfinite(weight) and weight >= 0):
            faults.add(where, f"is {weight}", "give a number of 0 or more")
    faults.raise_if_any()


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
    note_zones(faults, where, "stands twice", X.index[X.index.duplicated()], "keep one row for each zone")
    for i in spec.indicators:
        at = f"{where}, indicator '{i.id}'"
        if i.id not in X.columns:
            fix = "give the values that needs.indicators.indicator_values makes for this index"
            faults.add(at, "is not among the columns", fix)
            continue
        value = X[i.id].astype(float)
        usable = np.isfinite(value) | (value.isna() & (i.missing == "domain_mean"))
        fix = "complete the table: a missing value is never guessed"
        note_zones(faults, at, "has no value", X.index[~usable], fix)
        if i.measure == "rank" and usable.all():
            ranked = rank_among(-value, -value) if is_reference else value.clip(1, n).round()
            fix = "map the rank as published, and fit on exactly the zones that it ranks"
            what = f"is no rank among the {n} zones of the reference"
            note_zones(faults, at, what, X.index[value != ranked], fix)
    groups = [c for c in ("class",) if any(i.within for i in spec.indicators)]
    for group in groups:
        if group not in X.columns:
            faults.add(where, f"'{group}' of the zones is not given", "give the rural-urban class of every zone")
        else:
            note_zones(faults, where, f"'{group}' is blank", X.index[X[group].isna()], "complete the table")
            if not is_reference:
                odd = X.index[X[group].notna() & ~X[group].isin(set(classes))]
                note_zones(faults, where, "are of a class that the reference lacks", odd, "fit on all of England")
    faults.raise_if_any()
    return X[[*spec.ids, *groups]].astype(dict.fromkeys(spec.ids, float))
