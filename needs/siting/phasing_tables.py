"""Make the tables of a phasing from a plan: what each site gives before and after, its cost, and who runs it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from needs.errors import Faults
from needs.location.rules import Floats
from needs.siting import statement
from needs.siting.plan import Plan


@dataclass(frozen=True)
class Tables:
    """What `phasing.phase` takes, by the names of its parameters."""

    points: pd.DataFrame
    values: pd.DataFrame
    today_values: pd.DataFrame
    changes: pd.DataFrame
    parents: pd.DataFrame


def tables_of(plan: Plan) -> Tables:
    """Line up a plan's changes.

    Opening and converting cost `opening_gbp` of the offer, closing `closing_gbp`. Any hub within `parent_limit_min`
    can run an outreach site, those of today until they close or convert; an outreach site of today that has none
    waits for none as long as it is kept.

    Raises
    ------
    InputError
        If the cost of a change is not known.
    """
    case = plan.case
    table = plan.sites.assign(today=case.sites["today"].to_numpy(), cost=_costs(plan), place=np.arange(len(plan.sites)))
    _check_costs(table)
    mine = table[table["status"].isin(["open", "convert", "close", "keep"])]
    ends, starts = mine[mine["status"] != "close"], mine[mine["status"].isin(["convert", "close"])]
    others = table[(table["status"] == "neighbour") & (table["today"] != "none")]
    return Tables(
        points=case.points[["point_id", "weight"]],
        values=_given(plan, ends, "offer"),
        today_values=_given(plan, pd.concat([starts, others]), "today"),
        changes=mine[["site_id", "name", "offer", "status", "cost", "parent_hub_id"]],
        parents=_parents(plan, mine),
    )


def _costs(plan: Plan) -> Floats:
    """Say what each site's change costs, in pounds; NaN where it is not known."""
    sites, settings = plan.case.sites, plan.case.settings
    status, offer = plan.sites["status"].to_numpy(), plan.sites["offer"].to_numpy()
    opening = {o: statement.cost_of(sites, settings, o, "opening_gbp") for o in statement.OFFERS}
    made = np.where(offer == "hub", opening["hub"], opening["outreach"])
    closed = statement.own_or(sites, "closing_gbp", settings.closing_gbp)
    costs: Floats = np.where(np.isin(status, ["open", "convert"]), made, np.where(status == "close", closed, 0.0))
    return costs


def _check_costs(table: pd.DataFrame) -> None:
    faults, unknown = Faults(), table[table["cost"].isna()]
    fix = "give it under [plan.hub] and [plan.outreach], or hub_opening_gbp and outreach_opening_gbp of the sites"
    faults.add_codes("opening_gbp", "is not known for", unknown["site_id"], fix)
    faults.raise_if_any()


def _given(plan: Plan, rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Look up what each point gets from some sites with the offer of a column."""
    choices = 2 * rows["place"].to_numpy() + (rows[column] == "outreach").to_numpy()
    return pd.DataFrame(
        plan.case.worths[:, choices], index=plan.case.points["point_id"].to_list(), columns=rows["site_id"].to_list()
    )


def _parents(plan: Plan, mine: pd.DataFrame) -> pd.DataFrame:
    """Say which hubs, of the plan and of today, can run each outreach site, of the plan and of today."""
    near = plan.case.parent_min <= plan.case.settings.parent_limit_min
    hubs, were = mine[mine["offer"] == "hub"], mine[mine["today"] == "hub"]
    links: list[tuple[str, str | None]] = []
    for row in mine[(mine["offer"] == "outreach") | (mine["today"] == "outreach")].to_dict("records"):
        able = pd.concat([hubs, were]).drop_duplicates("site_id")
        able = able[near[row["place"], able["place"]] & (able["site_id"] != row["site_id"]).to_numpy()]
        links += [(row["site_id"], hub) for hub in able["site_id"]]
        if row["status"] == "keep" and not able["site_id"].isin(were["site_id"]).any():
            links.append((row["site_id"], None))
    return pd.DataFrame(links, columns=["site_id", "parent_hub_id"], dtype=object)
