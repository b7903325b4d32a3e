"""Name the families that lose and those that gain: where they live, what they had, what they get, how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pandas as pd

from needs.scenarios.families import Scenario, middle_min

Way = Literal["lose", "gain"]

_NEED = {"lose": "need_lost", "gain": "need_gained"}


def changes(
    rows: pd.DataFrame,
    scenarios: Mapping[str, Scenario],
    way: Way,
    *,
    minutes: Mapping[str, pd.DataFrame],
    site_names: Mapping[str, str],
) -> pd.DataFrame:
    """List those who lose, or gain, by zone and by the sites that they go from and to; the largest first.

    Parameters
    ----------
    rows
        As `families.side_by_side` returns them, with zone_name.
    scenarios
        The first is the one compared against.
    way
        "lose" or "gain".
    minutes
        By mode: index place_id, columns site_id.
    site_names
        By site_id.

    Returns
    -------
    pandas.DataFrame
        scenario, lsoa21cd, zone_name, families, without_car (of them; where that is known), and `before_` and
        `after_`: site_id, site (name), offer, value (mean), missing, and 0, without a site; need (need-weighted
        families more, or fewer, unmet); and for each mode `{mode}_min_before` and `{mode}_min_after`: of the middle
        family to the site, NaN as `families.middle_min` says. Ordered by scenario, then by need, the most first, then
        by code and sites.
    """
    first, *others = scenarios
    found = []
    for key in others:
        mine = rows[rows[f"{way}_{key}"] > 0]
        keys = ["lsoa21cd", f"site_id_{first}", f"site_id_{key}"]
        own = [
            _change(part, scenarios, key, way, minutes, site_names)
            for _, part in mine.groupby([mine[c].fillna("") for c in keys], sort=True)
        ]
        found += sorted(own, key=lambda r: -round(r["need"], 6))  # stable: of equals the first by code and sites
    columns = ["scenario", "lsoa21cd", "zone_name", "families", *(["without_car"] if "car" in rows else [])]
    columns += [f"{when}_{c}" for when in ("before", "after") for c in ("site_id", "site", "offer", "value")]
    columns += ["need", *(f"{mode}_min_{when}" for mode in minutes for when in ("before", "after"))]
    texts = {c: "str" for c in columns if c.endswith(("scenario", "cd", "name", "site_id", "site", "offer"))}
    return pd.DataFrame(found, columns=columns).astype({c: texts.get(c, float) for c in columns})


def _change(
    part: pd.DataFrame,
    scenarios: Mapping[str, Scenario],
    key: str,
    way: Way,
    minutes: Mapping[str, pd.DataFrame],
    site_names: Mapping[str, str],
) -> dict[str, Any]:
    families = float(part["demand"].sum())
    row: dict[str, Any] = {"scenario": key, "families": families, "need": float(part[f"{_NEED[way]}_{key}"].sum())}
    row |= {c: part[c].iloc[0] for c in ("lsoa21cd", "zone_name")}
    if "car" in part:
        row["without_car"] = float(part.loc[~part["car"].astype(bool), "demand"].sum())
    for when, scenario in (("before", next(iter(scenarios))), ("after", key)):
        site = part[f"site_id_{scenario}"].iloc[0]
        offer = None if pd.isna(site) else scenarios[scenario].offers[site]
        name = None if pd.isna(site) else site_names.get(site, site)
        value = float((part[f"value_{scenario}"] * part["demand"]).sum() / families)
        row |= {f"{when}_site_id": None if pd.isna(site) else site, f"{when}_site": name}
        row |= {f"{when}_offer": offer, f"{when}_value": value}
        row |= {f"{mode}_min_{when}": middle_min(part, table, site, mode) for mode, table in minutes.items()}
    return row
