"""Show a plan in a notebook: what it says, its sites, where they are, and why."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from needs import charts
from needs.charts import Chart
from needs.charts.words import safe
from needs.location.program import TIE
from needs.siting.aims import aim_of

if TYPE_CHECKING:
    from needs.siting.plan import Plan

_WORDS = {"keep": "stays", "convert": "converts", "open": "opens", "close": "closes"}
_PROVED = {
    "optimal": "proven best",
    "gap reached": "within the gap that was asked for",
    "time limit": "best found in time",
    "solver stopped": "best found before the solver lost accuracy",
    "interrupted": "best found before it was interrupted",
}


def summary(plan: Plan) -> str:
    """Say in a line what a plan is and how sure it is."""
    ours = plan.sites[plan.sites["status"].isin(list(_WORDS))]
    counts = ours["offer"].value_counts()
    met = 100 * (1 - plan.unmet / plan.need) if plan.need > 0 else 0.0
    proof = plan.proof
    apart = TIE < proof.gap < math.inf
    sure = _PROVED[proof.status] + (f" (gap {100 * proof.gap:.2g} %)" if apart else "")
    aim = aim_of(plan.case)
    first = "".join(f"{aim.what}: {aim.said(step.reached)}; " for step in proof.steps if aim is not None)
    tied = ", one of several that are as good" if proof.ties == "broken" else ""
    return (
        f"{counts.get('hub', 0)} hubs, {counts.get('outreach', 0)} outreach sites, "
        f"{(ours['status'] == 'close').sum()} closed; {first}{met:.1f} % of need-weighted demand met; {sure}{tied}"
    )


def places(plan: Plan) -> Chart | None:
    """Draw where the sites are, if the plan knows."""
    if "x" not in plan.sites:
        return None
    sites = plan.sites
    kind = sites["offer"].where(sites["status"] != "close", "close").where(sites["status"] != "neighbour", "neighbour")
    idle = (sites["status"] == "neighbour") & (sites["offer"] == "none")
    return charts.places(sites.assign(kind=kind)[~idle], title="Where the sites of the plan are")


def plan_html(plan: Plan) -> str:
    """Write the summary, a table of the sites that matter with their reasons, and the map."""
    sites = plan.sites[plan.sites["status"].isin(list(_WORDS))]
    order = sites["offer"].map({"hub": 0, "outreach": 1, "none": 2})
    names = dict(zip(plan.sites["site_id"], plan.sites["name"], strict=True))
    rows = "".join(
        _row(row, names)
        for _, row in sites.assign(order=order).sort_values(["order", "name"], kind="stable").iterrows()
    )
    heads = "".join(f'<th scope="col">{h}</th>' for h in ("Site", "Offer", "", "Run from", "Families reached", "Why"))
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    drawn = places(plan)
    return f"<p>{safe(summary(plan))}</p>{table}{drawn.to_html(table=False) if drawn else ''}"


def _row(row: pd.Series, names: dict[str, str]) -> str:
    reached = row["families_reached"]
    told = "".join(f"<li>{safe(str(r))}</li>" for r in row["reasons"])
    cells = [
        row["offer"] if row["offer"] != "none" else "",
        _WORDS[row["status"]],
        "" if pd.isna(row["parent_hub_id"]) else names[row["parent_hub_id"]],
        "" if pd.isna(reached) else f"{reached:,.0f}",
    ]
    body = "".join(f"<td>{safe(str(c))}</td>" for c in cells)
    why = f"<td><details><summary>{len(row['reasons'])} reasons</summary><ul>{told}</ul></details></td>"
    return f'<tr><th scope="row">{safe(str(row["name"]))}</th>{body}{why}</tr>'
