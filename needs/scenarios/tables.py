"""Add up what scenarios give, by zone and by group, and say how evenly it is shared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from needs.inequality import concentration_index, gini, slope_index

FAMILIES = ("hub", "outreach", "virtual")  # how families are reached: they add up to the demand
AWAY = "turned_away"  # of the virtual: whom an open site covers, but no site has a place for
NO_HUB = "no hub"  # in place of minutes to the nearest one
_NO_HUB = {"today": "no hub today", "plan": "no hub in the plan"}


def with_hub(sites: pd.DataFrame) -> set[str]:
    """Say where there is any hub, a neighbour's included: "today", "plan"; elsewhere no minutes are beyond a limit.

    Parameters
    ----------
    sites
        `today` and `offer` (in the plan) of every site.
    """
    return {when for when, column in (("today", "today"), ("plan", "offer")) if (sites[column] == "hub").any()}


def by_zone(outcome: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    """Add up what a scenario gives the points of each zone.

    Parameters
    ----------
    outcome
        As `siting.plan.evaluate` returns it: point_id, lsoa21cd, value, hub, outreach, virtual, turned_away, unmet.
    points
        point_id, share (of the zone's demand).

    Returns
    -------
    pandas.DataFrame
        Index lsoa21cd: cover (0 to 1, the middle of the zone's points by share), hub, outreach, virtual (families),
        turned_away (of the virtual), unmet (need-weighted families).
    """
    share = points.set_index("point_id")["share"].reindex(outcome["point_id"]).to_numpy()
    whole = outcome.assign(cover=outcome["value"] * share)
    return whole.groupby("lsoa21cd")[["cover", *FAMILIES, AWAY, "unmet"]].sum()


def compare(today: pd.DataFrame, plan: pd.DataFrame) -> pd.DataFrame:
    """Set two scenarios side by side, zone by zone.

    Parameters
    ----------
    today, plan
        As `by_zone` returns them, of the same zones (or of the same families, by another index).

    Returns
    -------
    pandas.DataFrame
        By the same index: every column of both with `_today` and `_plan`, and unmet_change (below 0: less unmet need).
    """
    both = today.add_suffix("_today").join(plan.add_suffix("_plan"), how="outer", validate="one_to_one")
    return both.assign(unmet_change=both["unmet_plan"] - both["unmet_today"])


def totals(zones: pd.DataFrame, suffix: str) -> dict[str, float]:
    """Add up a scenario over zones: families by how they are reached, and their share of the demand in per cent.

    Parameters
    ----------
    zones
        demand, and hub, outreach, virtual, turned_away, unmet with the suffix.
    suffix
        "today" or "plan".
    """
    demand = float(zones["demand"].sum())
    result = {"demand": demand, "unmet": float(zones[f"unmet_{suffix}"].sum())}
    for way in (*FAMILIES, AWAY):
        families = float(zones[f"{way}_{suffix}"].sum())
        result[way] = families
        result[f"{way}_pct"] = 100.0 * families / demand if demand > 0 else 0.0
    return result


def groups(families: pd.DataFrame, labels: dict[str, dict[Any, str]]) -> pd.DataFrame:
    """Say who gains and who loses, group by group.

    Parameters
    ----------
    families
        One row a zone or a group of families, with demand, both scenarios' families and the columns to group by.
    labels
        By column to group by: the words for each of its values, in the order to show.

    Returns
    -------
    pandas.DataFrame
        kind (the column), group, demand, and for each scenario hub_pct, outreach_pct, virtual_pct and turned_away_pct
        (of the group's demand) and unmet. Groups without demand are left out.
    """
    rows = []
    for column, words in labels.items():
        for value, label in words.items():
            members = families[families[column] == value]
            if not members["demand"].sum() > 0:
                continue
            row: dict[str, Any] = {"kind": column, "group": label, "demand": float(members["demand"].sum())}
            for suffix in ("today", "plan"):
                sums = totals(members, suffix)
                row |= {f"{k}_{suffix}": sums[k] for k in (*(f"{way}_pct" for way in (*FAMILIES, AWAY)), "unmet")}
            rows.append(row)
    return pd.DataFrame(rows)


def inequality(zones: pd.DataFrame, measures: dict[str, str], hubs: Mapping[str, int] | None = None) -> pd.DataFrame:
    """Say how evenly a measure is shared between families in the most and in the least needy zones, before and after.

    Parameters
    ----------
    zones
        `demand` (weights), `need_rank_england` (1 = most need), and each measure with `_today` and `_plan`; zones
        where it is NaN are left out and counted.
    measures
        Words for each measure.
    hubs
        How many there are, neighbours' included, by scenario ("today", "plan").

    Returns
    -------
    pandas.DataFrame
        One row per measure and scenario: `measure`, `scenario`, `zones`, `left_out`, `mean` (by demand), `most_needy`
        and `least_needy` (the ends of a straight line through zones ordered by need), `slope_index`
        (least_needy - most_needy), `relative_index`, `concentration_index` (below 0: concentrated where need is
        high), `gini` (`needs.inequality`), NaN where it cannot be said; `note`: why nothing can be ("no hub today",
        "no hub in the plan", "beyond the limit everywhere", "nobody is counted"), else "".
    """
    rows = []
    for measure, words in measures.items():
        for scenario in ("today", "plan"):
            column = f"{measure}_{scenario}"
            known = zones[zones[column].notna() & (zones["demand"] > 0)]
            row: dict[str, Any] = {"measure": words, "scenario": scenario, "zones": len(known)}
            row["left_out"] = len(zones) - len(known)
            row["note"] = "" if len(known) else _why_none(zones, scenario, hubs)
            if len(known):
                values, people, rank = known[column], known["demand"], known["need_rank_england"]
                slope = slope_index(values, people, rank)
                row["mean"] = float((values * people).sum() / people.sum())
                row |= {"most_needy": slope.most_deprived, "least_needy": slope.least_deprived}
                row |= {"slope_index": slope.sii, "relative_index": slope.rii}
                row["concentration_index"] = concentration_index(values, people, rank)
                row["gini"] = gini(values, people)
            rows.append(row)
    return pd.DataFrame(rows)


def _why_none(zones: pd.DataFrame, scenario: str, hubs: Mapping[str, int] | None) -> str:
    if not (zones["demand"] > 0).any():
        return "nobody is counted"
    return _NO_HUB[scenario] if hubs is not None and hubs[scenario] == 0 else "beyond the limit everywhere"
