"""Put what councils' tasks give into national tables: zones, councils in their order, plans, what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from needs.councils import Entry, regions_of, resolve
from needs.nation.choosing import Chosen
from needs.nation.each import Refused
from needs.nation.needed import Needed
from needs.nation.reach import Reach
from needs.nation.tasks import Planned, Reached

MAINLY_PCT, PARTLY_PCT = 50.0, 26.0  # of families in rural zones: as Defra's classification of councils cuts residents
RURAL_CLASSES = ("mainly rural", "part rural", "mainly urban")


@dataclass(frozen=True)
class National:
    """England's tables.

    Attributes
    ----------
    zones
        One row per zone, sorted by code: as `tasks.Reached.zones`, with cover, hub, outreach, virtual and unmet of the
        plan where councils were planned.
    councils
        One row per council, the greatest unmet need first (`councils_table`).
    plans
        As `tasks.Planned.sites`, of all councils; empty where none was planned.
    missing
        One row a thing that is not known or did not work: council, name, what.
    """

    zones: pd.DataFrame
    councils: pd.DataFrame
    plans: pd.DataFrame
    missing: pd.DataFrame


def gathered(
    councils: Sequence[Entry],
    reached: Mapping[str, Reached | Refused],
    planned: Mapping[str, Planned | Refused],
    needed: Needed | None,
) -> National:
    """Put the results of all councils together.

    Parameters
    ----------
    councils
        All of them, by code.
    reached, planned
        By code.
    needed
        Hubs that each council needs, where that was asked.
    """
    have = {code: found for code, found in reached.items() if isinstance(found, Reached)}
    plans = {code: found for code, found in planned.items() if isinstance(found, Planned)}
    zones = pd.concat([found.zones for found in have.values()], ignore_index=True)
    if plans:
        with_plan = pd.concat([found.zones for found in plans.values()], ignore_index=True)
        zones = zones.merge(with_plan, on="lsoa21cd", how="left", validate="one_to_one")
    table = _councils(councils, have, plans, zones, needed)
    sites = [found.sites for found in plans.values()]
    unknown = zones["council"].isin([code for code, found in have.items() if not found.today_known])
    of_today = [str(c) for c in zones if str(c).endswith("_today")]
    zones[of_today] = zones[of_today].where(~unknown)
    return National(
        zones.sort_values("lsoa21cd", ignore_index=True),
        table,
        pd.concat(sites, ignore_index=True).sort_values("site_id", ignore_index=True) if sites else pd.DataFrame(),
        _missing(councils, reached, planned),
    )


def by_file(found: National, chosen: Chosen | None) -> dict[str, pd.DataFrame]:
    """Name the files of the national tables: they say how travel was found, and of whom today is known."""
    tables = {"zones.csv": found.zones, "councils.csv": found.councils, "plans.csv": found.plans}
    if chosen is not None:
        tables |= {
            "hubs_needed.csv": chosen.needed.table,
            "frontier.csv": chosen.needed.frontier,
            "allocation_councils.csv": chosen.allocation.councils,
            "allocation_sites.csv": chosen.allocation.sites,
            "allocation_totals.csv": chosen.allocation.totals,
            "allocation_groups.csv": chosen.allocation.groups,
        }
    if chosen is not None and chosen.first is not None:
        tables |= {"first_areas.csv": chosen.first.areas, "first_areas_next.csv": chosen.first.runner_up}
    council = found.councils.set_index("council")["today_known"]
    how = found.zones.groupby("council")["travel"].first()
    whole = " and ".join(sorted(how.unique()))

    def said(table: pd.DataFrame) -> pd.DataFrame:
        if "council" not in table:
            return table.assign(travel=whole)
        more = {"today_known": table["council"].map(council), "travel": table["council"].map(how)}
        return table.assign(**{name: column for name, column in more.items() if name not in table})

    return {**{name: said(table) for name, table in tables.items() if len(table)}, "missing.csv": found.missing}


def joined(reached: Mapping[str, Reached | Refused]) -> Reach:
    """Join the councils' families and buildings."""
    return Reach.joined([found.reach for found in reached.values() if isinstance(found, Reached)])


def _councils(
    councils: Sequence[Entry],
    reached: Mapping[str, Reached],
    planned: Mapping[str, Planned],
    zones: pd.DataFrame,
    needed: Needed | None,
) -> pd.DataFrame:
    """Describe every council, and rank those that could be measured: 1 = most.

    Columns: council, name, slug, region, zones; families, need (need-weighted families), rural_pct (of families),
    rural_class; children (in need), children_low, children_high where they are known; today_known; hubs_today,
    reached_today_pct, hub_today_pct (of families) where that is so; unmet_today (need-weighted families) and
    children_beyond_today (in need, beyond every standard), at most so much where today is not known; possible_pct (of
    families, with a hub in every building that could be one); rank_unmet, rank_children, rank_in_class (by unmet need,
    among councils of its rural class); hubs_{share} and at_least_{share} for each share of families covered; and the
    figures of its plan.
    """
    figures = _with_shares(zones)
    rows = []
    for entry in councils:
        mine = figures[figures["council"] == entry.code]
        [region] = regions_of(entry.districts).values()
        row: dict[str, object] = {
            "council": entry.code,
            "name": entry.name,
            "slug": resolve(entry.code).slug,
            "region": region,
        }
        row["zones"] = len(mine)
        if entry.code in reached:
            row |= _figures(mine, reached[entry.code])
        if entry.code in planned:
            row |= planned[entry.code].figures
        rows.append(row)
    table = pd.DataFrame(rows)
    for column, rank in (("unmet_today", "rank_unmet"), ("children_beyond_today", "rank_children")):
        if column in table:
            table[rank] = table[column].rank(ascending=False, method="min").astype("Int64")
    in_class = table.groupby("rural_class")["unmet_today"].rank(ascending=False, method="min")
    table["rank_in_class"] = in_class.astype("Int64")
    if needed is not None:
        table = table.merge(_needed(needed), on="council", how="left")
    return table.sort_values(["rank_unmet", "council"], ignore_index=True)


def _with_shares(zones: pd.DataFrame) -> pd.DataFrame:
    """Add, per zone, children in need and how many of them, and of families, are beyond reach."""
    found = zones.copy()
    share = (found["virtual_today"] / found["demand"]).where(found["demand"] > 0, 1 - found["cover_today"])
    if "deprived_children_low" in found:
        found["children"] = found[["deprived_children_low", "deprived_children_high"]].mean(axis=1)
        found["children_beyond_today"] = found["children"] * share
    found["possible"] = found["demand"] * found["cover_possible"]
    found["rural"] = found["demand"].where(found["ruc21cd"].str.startswith("R"), 0.0)
    return found


def _figures(zones: pd.DataFrame, found: Reached) -> dict[str, object]:
    families = float(zones["demand"].sum())

    def percent(value: float) -> float:
        return 100.0 * value / families if families > 0 else np.nan

    rural = percent(float(zones["rural"].sum()))
    row: dict[str, object] = {
        "families": families,
        "need": float(found.reach.families["weight"].sum()),
        "rural_pct": rural,
        "rural_class": RURAL_CLASSES[0 if rural >= MAINLY_PCT else 1 if rural >= PARTLY_PCT else 2],
    }
    if "children" in zones:
        row["children"] = float(zones["children"].sum())
        row |= {f"children_{end}": float(zones[f"deprived_children_{end}"].sum()) for end in ("low", "high")}
        row["children_beyond_today"] = float(zones["children_beyond_today"].sum())
    row["today_known"] = found.today_known
    own = found.reach.sites["council"] == found.reach.families["council"].iloc[0]
    if found.today_known:
        row["hubs_today"] = int((own & (found.reach.sites["today"] == "hub")).sum())
        row["reached_today_pct"] = percent(float((zones["hub_today"] + zones["outreach_today"]).sum()))
        row["hub_today_pct"] = percent(float(zones["hub_today"].sum()))
    row["unmet_today"] = float(zones["unmet_today"].sum())
    row["possible_pct"] = percent(float(zones["possible"].sum()))
    return row


def _needed(needed: Needed) -> pd.DataFrame:
    found = pd.DataFrame({"council": sorted(needed.table["council"].unique())})
    for share, rows in needed.table.groupby("share_pct", sort=True):
        columns = {column: f"{column}_{share:g}" for column in ("hubs", "at_least")}
        found = found.merge(rows[["council", *columns]].rename(columns=columns), on="council", how="left")
    return found.astype({c: "Int64" for c in found if c != "council"})


def _missing(
    councils: Sequence[Entry],
    reached: Mapping[str, Reached | Refused],
    planned: Mapping[str, Planned | Refused],
) -> pd.DataFrame:
    """List what is not known of each council, and what went wrong there."""
    rows = []
    for entry in councils:
        own = reached.get(entry.code)
        told = list(own.missing) if isinstance(own, Reached) else []
        for found, what in ((reached.get(entry.code), "Not measured"), (planned.get(entry.code), "Not planned")):
            if isinstance(found, Refused):
                told += [f"{what}: {fault}" for fault in found.faults]
        rows += [(entry.code, entry.name, words) for words in told]
    return pd.DataFrame(rows, columns=["council", "name", "what"])
