"""Hold the values of the indicators by zone, and what is known of each: bounds, counts, state, reliability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

GROUPS = ("council", "class")  # what zones are grouped by: district code, rural-urban class
STATES = ("measured", "suppressed", "imputed", "carried")


@dataclass(frozen=True)
class Cells:
    """One table per property, all with the same rows (zone codes) and columns (indicators, order of the index).

    Attributes
    ----------
    values
        In the indicator's unit, after smoothing and imputation; none is missing, unless the indicator's rule for
        missing values is "domain_mean".
    low, high
        Least and greatest value of the cell: apart from `values` only where the count behind it is suppressed.
    numerator, denominator
        The counts behind the value (the numerator of a suppressed cell is the one that `values` uses); NaN for
        indicators without counts.
    raw
        The value before smoothing; NaN where it is missing.
    state
        "measured"; "suppressed": the count lies between declared bounds; "imputed": stands in for a missing value;
        "carried": published for another geography and carried to this one.
    reliability
        0 to 1: share of the variance of the raw value between zones that is not chance; NaN without counts.
    groups
        `council` and `class` of each zone, where they are known (else the columns are absent).
    notes
        What a reader should know of how the values came about, in sentences.
    weight
        0 to 1: share of the raw value that smoothing kept, the rest being its target's (1: not smoothed; NaN: not
        known). None if it is known of no cell; `reliability` then stands for it.
    """

    values: pd.DataFrame
    low: pd.DataFrame
    high: pd.DataFrame
    numerator: pd.DataFrame
    denominator: pd.DataFrame
    raw: pd.DataFrame
    state: pd.DataFrame
    reliability: pd.DataFrame
    groups: pd.DataFrame
    notes: tuple[str, ...] = ()
    weight: pd.DataFrame | None = None

    def select(self, zones: Sequence[str]) -> Cells:
        """Keep some zones, in the order given."""
        wanted = list(zones)
        kept: dict[str, Any] = {n: t.loc[wanted] for n, t in vars(self).items() if isinstance(t, pd.DataFrame)}
        return replace(self, **kept)
