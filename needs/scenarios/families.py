"""Set what scenarios give each row of families side by side, once every table has been checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from needs import catchments, travel
from needs.errors import Faults
from needs.schemas import OFFERS
from needs.siting.plan import evaluate

SUMS = ("hub", "outreach", "virtual", "turned_away", "unmet", "virtual_offline")  # of a scenario, over families
CHANGES = ("gain", "lose", "same", "need_gained", "need_lost")  # against the first scenario
_KEY = r"[a-z][a-z0-9]*"  # a scenario's name ends columns
_CLOSE = 1e-6  # relative: within this, figures that should agree do
_SAME = 1e-9  # values that differ by no more than this are equal
_FAMILIES = ("point_id", "lsoa21cd", "share", "demand", "weight")
_OUTCOME = ("point_id", "value", "hub", "outreach", "virtual", "turned_away", "unmet", "best_site_id")


@dataclass(frozen=True, eq=False)
class Scenario:
    """What sites offer, and what that gives families.

    Attributes
    ----------
    label
        What people call it, such as "Today".
    offers
        By site_id: hub, outreach or none; neighbours' sites included.
    outcome
        As `siting.plan.evaluate` returns it.
    """

    label: str
    offers: Mapping[str, str]
    outcome: pd.DataFrame

    @classmethod
    def of(
        cls,
        label: str,
        offers: Mapping[str, str],
        families: pd.DataFrame,
        covers: Mapping[str, pd.DataFrame],
        outreach_value: float,
        *,
        minutes: Mapping[str, pd.DataFrame] | None = None,
        places: Mapping[str, float] | None = None,
        before: Scenario | None = None,
    ) -> Scenario:
        """Evaluate what sites offer; of sites that serve a family equally well, it is counted at the nearest.

        Parameters
        ----------
        label, offers
            As the attributes.
        families
            As `catchments.split_by_car` returns it, with weight.
        covers
            By offer, "hub" and "outreach": index point_id, columns site_id, 0 to 1.
        outreach_value
            What outreach near by is worth against a hub near by (1).
        minutes
            By mode: index point_id of the places, columns site_id, NaN beyond the limit. Without them, and of equally
            near sites, a family is counted at the first by site_id.
        places
            By site_id: families that a site can take on at most; with any, a family is counted where it has a place.
        before
            What there was before: where sites are full, nobody has less than then where that is possible.
        """
        full = dict(places or {})
        had = None if before is None else before.outcome
        outcome = evaluate(families, covers["hub"], covers["outreach"], dict(offers), outreach_value, full, had)
        opened = sorted(site for site, offer in offers.items() if offer != "none")
        if minutes is None or not opened or full:
            return cls(label, offers, outcome)
        worth = {"hub": 1.0, "outreach": outreach_value}
        ids = outcome["point_id"]
        values = np.column_stack([worth[offers[s]] * covers[offers[s]].loc[ids, s].to_numpy(float) for s in opened])
        quickest = catchments.quickest(minutes, families).reindex(index=ids, columns=opened).to_numpy(float)
        known = np.where(np.isnan(quickest), np.finfo(float).max, quickest)  # still before what is not equal
        best = outcome["value"].to_numpy()
        nearest = np.where(values >= best[:, None] - _SAME, known, np.inf).argmin(axis=1)
        site = [opened[j] if v > 0 else None for j, v in zip(nearest.tolist(), best.tolist(), strict=True)]
        return cls(label, offers, outcome.assign(best_site_id=pd.Series(site, dtype="str")))


def check(
    families: pd.DataFrame,
    scenarios: Mapping[str, Scenario],
    minutes: Mapping[str, pd.DataFrame],
    offline_pct: pd.Series[float] | None,
    tolerance: float,
) -> None:
    """See that every table is there, of the same families and in order; raise every fault at once.

    Raises
    ------
    InputError
        With every fault.
    """
    faults = Faults()
    if not 0 <= tolerance < 1:
        faults.add("tolerance", f"is {tolerance}", "give a change in value from 0 to under 1, such as 0.05")
    if len(scenarios) < 2:
        fix = "give the one to compare against first, then one or more others"
        faults.add("scenarios", f"there are {len(scenarios)}", fix)
    absent = [c for c in _FAMILIES if c not in families]
    faults.add_codes("families", "has no column", absent, "give the families that the scenarios were evaluated for")
    faults.raise_if_any()
    twice = families.loc[families["point_id"].duplicated(), "point_id"]
    faults.add_codes("families", "stands twice", twice, "keep one row for each point_id")
    for column in ("share", "demand", "weight"):
        wrong = ~(families[column].ge(0) & np.isfinite(families[column]))
        faults.add_codes("families", f"'{column}' is no number from 0", families.loc[wrong, "point_id"], "correct it")
    faults.raise_if_any()
    for key, scenario in scenarios.items():
        _check_scenario(key, scenario, families, faults)
    places = set(families["place_id" if "place_id" in families else "point_id"])
    opened = {s for scenario in scenarios.values() for s, offer in scenario.offers.items() if offer != "none"}
    for mode, table in minutes.items():
        where = f"minutes, mode '{mode}'"
        faults.add_codes(where, "has no column for the site", opened - set(table.columns), "measure every open site")
        faults.add_codes(where, "has no row for the place", places - set(table.index), "measure every place")
    if offline_pct is not None:
        wrong = offline_pct.notna() & ~offline_pct.between(0, 100)
        faults.add_codes("offline_pct", "is not 0 to 100", offline_pct.index[wrong], "give per cent")
    faults.raise_if_any()


def _check_scenario(key: str, scenario: Scenario, families: pd.DataFrame, faults: Faults) -> None:
    where, outcome = f"scenario '{key}'", scenario.outcome
    if not pd.Series([key]).str.fullmatch(_KEY).all():
        faults.add(where, "its name ends columns", "give it small letters and digits, such as plan2")
    odd = {str(offer) for offer in scenario.offers.values()} - set(OFFERS)
    faults.add_codes(where, "offers what is not known", odd, f"give {', '.join(OFFERS)}")
    absent = [c for c in _OUTCOME if c not in outcome]
    if absent:
        faults.add_codes(where, "its outcome has no column", absent, "give what siting.plan.evaluate returns")
        return
    fix = "evaluate every scenario for the same families"
    ids, own = set(families["point_id"]), set(outcome["point_id"])
    faults.add_codes(where, "lacks families", ids - own, fix)
    faults.add_codes(where, "has families that are not among those compared", own - ids, fix)
    faults.add_codes(where, "has families twice", outcome.loc[outcome["point_id"].duplicated(), "point_id"], fix)
    if ids != own or len(outcome) != len(families):
        return
    found = outcome.set_index("point_id").reindex(families["point_id"]).reset_index()
    demand, weight = families["demand"].to_numpy(float), families["weight"].to_numpy(float)
    reached = found[["hub", "outreach", "virtual"]].sum(axis=1, skipna=False)
    for what, wrong in (
        ("value is not 0 to 1 for", ~found["value"].between(0, 1)),
        ("hub, outreach and virtual do not add up to the demand of", ~np.isclose(reached, demand, _CLOSE, _CLOSE)),
        (
            "unmet is not weight x (1 - value) for",
            ~np.isclose(found["unmet"], weight * (1 - found["value"]), _CLOSE, _CLOSE),
        ),
    ):
        faults.add_codes(where, what, found.loc[wrong, "point_id"], fix)


def side_by_side(
    families: pd.DataFrame,
    scenarios: Mapping[str, Scenario],
    offline_pct: pd.Series[float] | None,
    tolerance: float,
) -> pd.DataFrame:
    """Join every scenario to the families, and say who gains and who loses against the first.

    A row of families gains when its value rises by more than the tolerance, and loses when it falls by more. Families
    beyond reach are taken to be without the internet as often as everybody in their zone.

    Returns
    -------
    pandas.DataFrame
        In the order of `families`, with its columns and for each scenario, after its name: value, site_id (that gives
        the value; missing for none), hub, outreach, virtual, turned_away (families), unmet (need-weighted families),
        virtual_offline (families; NaN where not known); and of each but the first gain, lose, same (families) and
        need_gained, need_lost (need-weighted families, small changes included).
    """
    rows = families.reset_index(drop=True)
    pct = rows["lsoa21cd"].map(offline_pct) if offline_pct is not None else pd.Series(np.nan, index=rows.index)
    first = next(iter(scenarios))
    made: dict[str, pd.Series[float]] = {}
    for key, scenario in scenarios.items():
        found = scenario.outcome.set_index("point_id").reindex(rows["point_id"]).reset_index(drop=True)
        made |= {f"{c}_{key}": found[c] for c in ("value", "hub", "outreach", "virtual", "turned_away", "unmet")}
        made[f"site_id_{key}"] = found["best_site_id"]
        made[f"virtual_offline_{key}"] = (found["virtual"] * pct / 100.0).where(found["virtual"] > 0, 0.0)
        if key == first:
            continue
        change = made[f"value_{key}"] - made[f"value_{first}"]
        less = made[f"unmet_{first}"] - made[f"unmet_{key}"]
        states = {"gain": change > tolerance, "lose": change < -tolerance, "same": change.abs() <= tolerance}
        made |= {f"{name}_{key}": rows["demand"].where(state, 0.0) for name, state in states.items()}
        made |= {f"need_gained_{key}": less.clip(lower=0.0), f"need_lost_{key}": (-less).clip(lower=0.0)}
    return pd.concat([rows, pd.DataFrame(made)], axis=1)


def able(rows: pd.DataFrame, mode: str) -> pd.DataFrame:
    """Keep the families that can travel by a mode: all of them, or those with a car."""
    return rows[rows["car"].astype(bool)] if "car" in rows and travel.needs_car(mode) else rows


def middle_min(rows: pd.DataFrame, minutes: pd.DataFrame, site_id: Any, mode: str) -> float:
    """Minutes of the middle family to a site.

    NaN where there is no site, where it is beyond the middle family's limit, and where none of them can travel so.
    """
    own = able(rows, mode)
    own = own[own["demand"] > 0]
    if own.empty or pd.isna(site_id):
        return float("nan")
    values = minutes[str(site_id)].reindex(own["place_id" if "place_id" in own else "point_id"]).to_numpy(float)
    return float(travel.weighted_quantile(values[:, None], own["demand"].to_numpy(float), 0.5)[0])
