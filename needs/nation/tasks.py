"""Do the work of one council: what it has and could have, and its plan with its page. Pure: tables in, tables out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from needs import catchments, report, scenarios, stages, streets, travel
from needs.assessment import Assessment
from needs.errors import Fault, Faults, NeedsError
from needs.nation.cutting import Part
from needs.nation.each import Refused
from needs.nation.reach import Reach
from needs.siting import plan as plans
from needs.stages import Data

STREETS = "along streets"
_UNKNOWN = "What this council has today is not known, and counts as nothing: what is shown as new may be there already."
TODAY, POSSIBLE = "today", "possible"  # with the hubs and outreach sites of today; with a hub in every building


@dataclass(frozen=True)
class Reached:
    """What a council's families have today, and what they could have.

    Attributes
    ----------
    zones
        One row per zone: lsoa21cd, zone_name, lad24cd, council (upper tier), travel (how it was found), ruc21cd, demand
        (families), deprived_children with its bounds where known, need_score, need_rank_england, need_fifth_england,
        the interval of its rank where ranks were drawn; cover, hub, outreach, virtual and unmet of today;
        cover_possible (best cover with a hub in every building that could be one, neighbours' included); per mode
        hub_{mode}_min_today and site_{mode}_min (to the nearest building that is or could be a hub), of the middle
        family, NaN beyond the limit.
    reach
        Its families, the buildings near them, and how far each would cover them as a hub.
    today_known
        Whether it is known what there is today; if not, all of today counts as none.
    missing
        What is not known, in sentences.
    """

    zones: pd.DataFrame
    reach: Reach
    today_known: bool
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Planned:
    """A council's plan.

    Attributes
    ----------
    zones
        One row per zone: lsoa21cd, and cover, hub, outreach, virtual and unmet with the plan.
    sites
        One row per site that the plan recommends or closes: site_id, name, site_type, council, offer, status,
        parent_hub_id, families_reached, reasons, x, y.
    figures
        Of the plan: hubs, outreach, reached_pct, objective, bound, gap, status.
    page
        HTML.
    """

    zones: pd.DataFrame
    sites: pd.DataFrame
    figures: dict[str, Any]
    page: str = field(repr=False)


def reach(part: Part) -> Reached | Refused:
    """Find what a council's families have today, and what its buildings and its neighbours' could give them."""
    try:
        return _reach(part)
    except NeedsError as error:
        return _refused(error)


def plan(part: Part, *, sources: list[dict[str, Any]], command: str) -> Planned | Refused:
    """Make a council's plan and its page, by the stages of `needs build`.

    Parameters
    ----------
    part
        The council.
    sources
        Of the nation's inputs, as `report.sources` lists them.
    command
        How to build the page again.
    """
    try:
        return _plan(part, sources, command)
    except NeedsError as error:
        return _refused(error)


def _refused(error: NeedsError) -> Refused:
    return Refused(tuple(error.faults) or (Fault("council", str(error), "see the message"),))


def _on_streets(part: Part) -> tuple[Data, tuple[str, ...]]:
    """Put a council on its own streets where it has some that can be used, and say what is missing."""
    ground, why = part.ground, "No street network: travel is a straight-line estimate."
    if part.streets is not None:
        try:
            ways = streets.read_ways(part.streets.path)
            graphs: dict[str, travel.Network] = {m: streets.build(ways, m) for m in part.settings.travel.modes}
            faults = Faults()
            found, snapping, _ = travel.check_reach(ground.points, ground.sites, graphs, faults)
            faults.raise_if_any()
            told = [part.streets.warning] if part.streets.warning else []
            return replace(ground, networks=graphs, sites=found, snapping=snapping), (*part.missing, *told)
        except NeedsError as error:
            why = f"Its streets cannot be used, and travel is a straight-line estimate: {error.faults[0]}"
    return ground, (*part.missing, *([why] if ground.estimated else []))


def _reach(part: Part) -> Reached:
    settings = part.settings
    ground, missing = _on_streets(part)
    around = part.around
    others = around[~around["site_id"].isin(ground.sites["site_id"])]
    every = gpd.GeoDataFrame(pd.concat([ground.sites, others], ignore_index=True), crs=ground.sites.crs)
    minutes = stages.along(settings, replace(ground, sites=every))
    rules = catchments.standards(settings.standards)
    demanded = ground.zones.set_index("lsoa21cd")["demand"]
    base = stages.weighed(ground, part.needs, minutes, rules, settings.plan, demanded)
    offers = plans.today_offers(every)
    worth = settings.plan.outreach_value
    outcome = plans.evaluate(base.families, base.hub, base.outreach, offers, worth)
    zones = stages.with_need(ground, part.needs).drop(columns="geometry")
    today = scenarios.by_zone(outcome, base.families).drop(columns=scenarios.AWAY).add_suffix(f"_{TODAY}")
    could = around["site_id"].tolist()
    zones = zones.merge(today.reset_index(), on="lsoa21cd", validate="one_to_one")
    share = base.families["share"].to_numpy()
    best = base.hub[could].to_numpy().max(axis=1, initial=0.0) if could else np.zeros(len(base.families))
    possible = pd.Series(best * share).groupby(base.families["lsoa21cd"].to_numpy()).sum()
    zones[f"cover_{POSSIBLE}"] = zones["lsoa21cd"].map(possible)
    hubs = [s for s, offer in offers.items() if offer == "hub"]
    for mode, table in minutes.items():
        for column, ids in ((f"hub_{mode}_min_{TODAY}", hubs), (f"site_{mode}_min", could)):
            zones[column] = zones["lsoa21cd"].map(catchments.nearest_minutes(table, ground.points, ids))
    zones = zones.assign(council=part.council.code, travel=travel.ESTIMATE if ground.estimated else STREETS)
    return Reached(pd.DataFrame(zones), _of_families(part, base, zones), part.today_known, missing)


def _of_families(part: Part, base: stages.Families, zones: pd.DataFrame) -> Reach:
    """Put families, buildings and cover in the form that the national choice takes."""
    families = base.families[["point_id", "lsoa21cd", "demand", "weight", "ruc21cd", "fifth_england"]]
    families = families.assign(council=part.council.code)
    if "deprived_children_low" in zones:
        bounds = zones.set_index("lsoa21cd")[["deprived_children_low", "deprived_children_high"]].mean(axis=1)
        families = families.assign(children=families["lsoa21cd"].map(bounds).to_numpy() * base.families["share"])
    columns = ["site_id", "name", "council", "today"]
    sites = pd.DataFrame(part.around[columns]).assign(
        can_be_hub=part.around["may_hub"].to_numpy(bool), forced=False, closed=False
    )
    return Reach.of(pd.DataFrame(families), sites, base.hub[sites["site_id"].tolist()])


def _plan(part: Part, sources: list[dict[str, Any]], command: str) -> Planned:
    settings = part.settings
    ground, missing = _on_streets(part)
    ground = replace(ground, notes=[*missing])
    times = stages.measure(settings, ground)
    made = stages.plan(settings, ground, part.needs, times)
    results = {"data": ground, "need": part.needs, "travel": times, "plan": made}
    drawn = None
    if not part.today_known:
        settings = _warned(settings, _UNKNOWN)
    if part.streets is not None and not ground.estimated:
        drawn = report.background(part.streets.path, made.zones)
        sources = [*sources, part.streets.source]
        settings = _warned(settings, part.streets.warning)
    page = report.page(settings, results, sources=sources, command=command, background=drawn)
    columns = [f"{c}_plan" for c in ("cover", *scenarios.FAMILIES, "unmet")]
    zones = pd.DataFrame(made.zones[["lsoa21cd", *columns]])
    ours = made.sites[made.sites["ours"] & ((made.sites["offer"] != "none") | (made.sites["status"] == "close"))]
    keep = ["site_id", "name", "site_type", "offer", "status", "parent_hub_id", "families_reached", "reasons"]
    sites = pd.DataFrame(ours[keep]).assign(council=part.council.code, x=ours.geometry.x, y=ours.geometry.y)
    whole = made.totals["plan"]
    figures = {
        "plan_hubs": int((ours["offer"] == "hub").sum()),
        "plan_outreach": int((ours["offer"] == "outreach").sum()),
        "plan_hub_pct": whole["hub_pct"],
        "plan_reached_pct": whole["hub_pct"] + whole["outreach_pct"],
        "plan_unmet": whole["unmet"],
        "plan_gap_pct": 100 * made.proof["gap"],
        "plan_status": made.proof["status"],
    }
    return Planned(zones, sites.reset_index(drop=True), figures, page.html)


def _warned(settings: Assessment, more: str | None) -> Assessment:
    """Add to what must be known before any figure is used."""
    warning = " ".join(filter(None, [settings.area.warning, more])) or None
    return settings.model_copy(update={"area": settings.area.model_copy(update={"warning": warning})})
