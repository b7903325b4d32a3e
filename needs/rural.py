"""Show need where scores hide it: children in need by rural-urban class and by fifth, nationally and locally."""

from __future__ import annotations

import pandas as pd

RURAL_URBAN_LABELS = {
    "UN1": "Urban, nearer a city",
    "UF1": "Urban, further from a city",
    "RLN1": "Larger rural, nearer a city",
    "RLF1": "Larger rural, further from a city",
    "RSN1": "Smaller rural, nearer a city",
    "RSF1": "Smaller rural, further from a city",
}
COUNTS = ["children", "children_low", "children_high"]


def with_bounds(
    counts: pd.Series[float],
    *,
    low: float | pd.Series[float],
    high: float | pd.Series[float],
    hidden: pd.Series[bool] | None = None,
) -> pd.DataFrame:
    """Bound counts of children that are hidden: left blank by a publisher, or under disclosure control.

    Parameters
    ----------
    counts
        By zone; NaN is a blank.
    low, high
        Least and most children (both included) of a hidden count: of all, or by zone.
    hidden
        By zone: whether the count is a stand-in for a hidden one. Blanks are hidden in any case.

    Returns
    -------
    pandas.DataFrame
        `children` (the middle of the bounds for a blank), `children_low`, `children_high`, `children_hidden`. A
        stand-in is kept as given, so that sums are: the mean of counts that were hidden together may lie outside the
        bounds of one of them.
    """
    not_shown = counts.isna() if hidden is None else counts.isna() | hidden
    return pd.DataFrame(
        {
            "children": counts.fillna((low + high) / 2),
            "children_low": counts.mask(not_shown, low),
            "children_high": counts.mask(not_shown, high),
            "children_hidden": not_shown,
        }
    )


def where_children_live(zones: pd.DataFrame) -> pd.DataFrame:
    """Count the children in need of each rural-urban class, and how many of them live in zones that score high.

    Aiming at the most needy fifth of zones misses most poor children in the country, where rich and poor live in
    one zone: in England nine in ten rural children in low-income families live outside it (Indices of Deprivation
    2025 by Rural Urban Classification 2021). Counts beside scores show whom.

    Parameters
    ----------
    zones
        `ruc21cd`, `fifth_england` and `fifth_area` (1 = most need), and `children`, `children_low` and
        `children_high` as `with_bounds` gives them; any index.

    Returns
    -------
    pandas.DataFrame
        One row per class that has zones, then "All rural" where more than one rural class has, then "All": `group`,
        `zones`, `children`, `children_low`, `children_high`, `share_pct` (of all children in need),
        `worst_fifth_england_pct` and `worst_fifth_area_pct` (of the group's children in need who live in such a zone;
        NaN where the group has none).
    """
    rows = []
    present = set(zones["ruc21cd"])
    for code, label in RURAL_URBAN_LABELS.items():
        if code in present:
            rows.append((label, zones["ruc21cd"] == code))
    rural = zones["ruc21cd"].str.startswith("R")
    if len(set(zones.loc[rural, "ruc21cd"])) > 1:
        rows.append(("All rural", rural))
    rows.append(("All", pd.Series(data=True, index=zones.index)))
    total = zones["children"].sum()
    return pd.DataFrame([_row(label, zones[mine], total) for label, mine in rows])


def _row(label: str, mine: pd.DataFrame, total: float) -> dict[str, object]:
    children = mine["children"].sum()

    def among(fifth: str) -> float:
        inside = mine.loc[mine[fifth] == 1, "children"].sum()
        return float("nan") if children == 0 else 100 * inside / children

    return {
        "group": label,
        "zones": len(mine),
        **{c: mine[c].sum() for c in COUNTS},
        "share_pct": 100 * children / total if total else float("nan"),
        "worst_fifth_england_pct": among("fifth_england"),
        "worst_fifth_area_pct": among("fifth_area"),
    }
